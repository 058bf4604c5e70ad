"""Measure how well doubt and confidence of a refinement tell what the ground truth would.

    python scripts/measure_doubt.py --images DIR --truth DIR --masks DIR --sam FILE --background 0 --records DIR
    python scripts/measure_doubt.py --images DIR --truth DIR --baseline FOLDER --sam FILE --background 0 --records DIR

An image, its truth and its mask have one name. Refining takes long; what it comes to stays in --records, and the same
command again goes on there and tells the figures.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from lit_samseg import Refinement, Refiner
from lit_samseg.formats.reading import read_indices

BOUNDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
"""Of the classes of confidence whose accuracy is told."""
LOOKED_AT = 10
"""Images that a person looks at first."""
DRAWS = 500


class Seen(NamedTuple):
    """One image.

    Attributes:
        doubt: How doubtful its refinement is.
        broken: Pixels that were right and are wrong.
        mended: The other way round.
        known: Pixels with a truth.
        kept: Classes that keep their pixels (`Refinement.lost`).
        regained: Pixels that are right by it less those that are wrong by it, each of these classes.
        bins: Pixels with a truth by their confidence, int64 ``[len(BOUNDS) - 1]``.
        right: Those of them that are right.
    """

    doubt: float
    broken: int
    mended: int
    known: int
    kept: list[int]
    regained: list[int]
    bins: NDArray[np.int64]
    right: NDArray[np.int64]


def refine(options: argparse.Namespace) -> None:
    """Refine each image that has no record yet."""
    images = {path.stem: path for path in sorted(options.images.iterdir())}
    ids = [i for i in images if (options.truth / f"{i}.png").is_file()]
    if options.masks is not None:
        ids = [i for i in ids if (options.masks / f"{i}.png").is_file()]
    chosen = np.random.default_rng(options.seed).permutation(ids)[: options.count].tolist()
    options.records.mkdir(parents=True, exist_ok=True)
    missing = [i for i in sorted(chosen) if not (options.records / f"{i}.npz").is_file()]
    if not missing:
        return
    refiner = Refiner.from_pretrained(options.baseline, options.sam, background=options.background)
    for done, i in enumerate(missing, start=1):
        result = refiner(images[i]) if options.masks is None else refiner.refine(images[i], options.masks / f"{i}.png")
        np.savez_compressed(
            options.records / f"{i}.npz",
            before=torch.where(result.baseline == result.void, -1, result.baseline).numpy().astype(np.int32),
            after=torch.where(result.label_map == result.void, -1, result.label_map).numpy().astype(np.int32),
            confidence=result.confidence.numpy().astype(np.float16),
            truth=read_indices(options.truth / f"{i}.png").numpy().astype(np.int32),
        )
        print(f"{done} of {len(missing)}: {i}", flush=True)


def look(records: Path, background: int | None, void: int) -> Iterator[Seen]:
    """Compare each record with its truth."""
    for path in sorted(records.glob("*.npz")):
        with np.load(path) as record:
            before, after, truth = (torch.from_numpy(record[name]).long() for name in ("before", "after", "truth"))
            confidence = torch.from_numpy(record["confidence"]).float()
        picture = torch.zeros(3, *before.shape, dtype=torch.uint8)
        result = Refinement(after, before, picture, confidence, background=background)
        known, was, now = truth != void, before == truth, after == truth
        kept = [one.class_id for one in result.lost]
        back = [known & (before == class_id) & (after != class_id) for class_id in kept]
        bins = np.digitize(confidence[known].numpy(), BOUNDS[1:-1])
        yield Seen(
            result.doubt,
            int((known & was & ~now).sum()),
            int((known & ~was & now).sum()),
            int(known.sum()),
            kept,
            [int((where & was).sum()) - int((where & now).sum()) for where in back],
            np.bincount(bins, minlength=len(BOUNDS) - 1),
            np.bincount(bins[now[known].numpy()], minlength=len(BOUNDS) - 1),
        )


def first_ten(seen: Sequence[Seen], by: str) -> float:
    """Return which part of the pixels made worse is in the first images by an order."""
    order = sorted(seen, key=lambda one: -float(getattr(one, by)))
    return sum(one.broken for one in order[:LOOKED_AT]) / max(1, sum(one.broken for one in seen))


def tell(seen: Sequence[Seen]) -> None:
    """Print the figures."""
    known, broken, mended = (sum(getattr(one, name) for one in seen) for name in ("known", "broken", "mended"))
    shares = f"{100 * mended / known:.2f} % of the pixels mended, {100 * broken / known:.2f} % made worse"
    print(f"{len(seen)} images; {shares}")
    harmed = [one for one in seen if one.broken > one.mended]
    lost = sum(one.broken - one.mended for one in harmed)
    print(f"images that are worse as a whole: {len(harmed)}, by {100 * lost / known:.2f} % of all pixels")
    rank = spearmanr([one.doubt for one in seen], [one.broken / one.known for one in seen])[0]
    print(f"doubt and share made worse, rank correlation: {rank:.2f}")
    rng = np.random.default_rng(0)
    for size in sorted({min(size, len(seen)) for size in (20, 30, 40, 50, len(seen))}):
        draws = [[seen[n] for n in rng.choice(len(seen), size, replace=False)] for _ in range(DRAWS)]
        by_doubt, best = (np.mean([first_ten(draw, by) for draw in draws]) for by in ("doubt", "broken"))
        chance = LOOKED_AT / size
        print(
            f"  of {size} images the first {LOOKED_AT} by doubt hold {100 * by_doubt:.0f} % of the pixels made worse "
            f"(knowing the truth {100 * best:.0f} %, by chance {100 * chance:.0f} %)"
        )
    regained = [number for one in seen for number in one.regained]
    good, bad = sum(n for n in regained if n > 0), -sum(n for n in regained if n < 0)
    print(
        f"classes that keep their pixels: {len(regained)} in {sum(bool(one.kept) for one in seen)} images; right to "
        f"keep {sum(n > 0 for n in regained)}, wrong {sum(n < 0 for n in regained)}; by pixels {good} and {bad}, "
        f"precision {100 * good / max(1, good + bad):.0f} %"
    )
    print("confidence   pixels  right")
    bins, right = sum(one.bins for one in seen), sum(one.right for one in seen)
    for low, high, count, hits in zip(BOUNDS, BOUNDS[1:], bins, right, strict=False):
        print(f"{low:.2f}..{high:.2f}  {100 * count / known:6.2f} %  {100 * hits / max(1, count):5.1f} %")


def main() -> None:
    """Refine what has no record yet, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("images", "truth", "records"):
        parser.add_argument(f"--{name}", type=Path, required=name == "records", metavar="DIR")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--masks", type=Path, metavar="DIR", help="label maps that are refined")
    source.add_argument("--baseline", metavar="NAME", help="a segmenter, whose scores are refined")
    parser.add_argument("--sam", default="mobile_sam", metavar="NAME")
    parser.add_argument("--background", type=int, default=None, metavar="ID", help="the class that is never prompted")
    parser.add_argument("--void", type=int, default=255, metavar="ID", help="of the truth")
    parser.add_argument("--count", type=int, default=None, help="how many images, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.images is not None:
        refine(options)
    tell(list(look(options.records, options.background, options.void)))


if __name__ == "__main__":
    main()
