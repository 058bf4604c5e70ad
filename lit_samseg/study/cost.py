"""What a study will cost, from the first images of each pair."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.results.record import read_results
from lit_samseg.results.text_table import TextTable
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.study.folder import StudyFolder, words_of_test
from lit_samseg.study.jobs import Job
from lit_samseg.study.plan import Pair, StudyPlan

COSTS = "costs.json"
SECONDS = "seconds.json"
_TIMED = 1
"""Images on which rows are timed one by one, which takes as long as several images do."""


@dataclass(frozen=True)
class Cost:
    """What a pair takes.

    Attributes:
        images: How many images it has.
        seconds: Per image, as the first few took.
        rows: Seconds per image of each row alone, by its name in the run, beyond baseline and encoder.
    """

    images: int
    seconds: float
    rows: Mapping[str, float]


def probe_job(folder: StudyFolder, pair: Pair, images: int) -> Job:
    """Return a test of a pair's first images; it finds out what is wrong with the pair, too."""
    path = folder.probe(pair)
    words = [*words_of_test(folder, pair), f"--trainer.limit_test_batches={images}", f"--output_dir={path}"]
    words = [word for word in words if word != "--resume=true"]
    timing = {"path": str(path / SECONDS), "images": _TIMED}
    timer = {"class_path": "lit_samseg.study.row_seconds.RowSeconds", "init_args": timing}
    words += ["--overwrite=true", "--gallery=false", "--report=false", f"--trainer.callbacks+={json.dumps(timer)}"]
    return Job(pair.name, words, folder.log(pair, "-probe"), pair.data_key)


def read_cost(folder: StudyFolder, pair: Pair) -> Cost:
    """Return what a finished `probe_job` tells."""
    results = read_results(folder.probe(pair))
    of = results["partial"]["of"] if "partial" in results else len(results["dataset"]["ids"])
    rows = json.loads((folder.probe(pair) / SECONDS).read_text(encoding="utf-8"))
    return Cost(of, results["timing"].get("total", 0.0), rows)


def write_costs(folder: Path, costs: Mapping[str, Cost]) -> None:
    """Keep costs by pair, and remove the probes."""
    with atomic_file(folder / COSTS) as draft:
        text = json.dumps({name: asdict(cost) for name, cost in costs.items()}, indent=1, ensure_ascii=False)
        draft.write_text(text + "\n", encoding="utf-8")
    shutil.rmtree(folder / "probes", ignore_errors=True)


def read_costs(folder: Path) -> dict[str, Cost]:
    """Return what `write_costs` wrote; nothing where there is no file.

    Raises:
        InputError: The file is another one.
    """
    path = folder / COSTS
    if not path.is_file():
        return {}
    try:
        return {name: Cost(**cost) for name, cost in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}); delete it") from error


def cost_table(plan: StudyPlan, folder: StudyFolder, costs: Mapping[str, Cost], jobs: int | None) -> TextTable:
    """Lay out images, seconds and minutes of each pair that is left to do."""
    cells, total = [], 0.0
    for pair in plan.pairs:
        if folder.is_finished(pair):
            cells.append([pair.name, "-", "-", "done"])
        elif pair.name in costs:
            cost = costs[pair.name]
            left = cost.images - folder.images_done(pair)
            total += left * cost.seconds
            cells.append([pair.name, str(left), f"{cost.seconds:.2f}", minutes(left * cost.seconds)])
        else:
            cells.append([pair.name, "?", "?", "?"])
    if not total:
        return TextTable("What is left to do", ["pair", "images", "s/image", "time"], cells)
    notes = [f"In all about {minutes(total / (jobs or len(plan.pairs)))}, {_beside(jobs)}; less where embeddings are "
             "kept from earlier runs, or pairs share images."]  # fmt: skip
    return TextTable("What is left to do", ["pair", "images", "s/image", "time"], cells, notes)


def minutes(seconds: float) -> str:
    """Return a time as one says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _beside(jobs: int | None) -> str:
    if jobs is None:
        return "all pairs at the same time"
    return "one pair after another" if jobs == 1 else f"{jobs} pairs at a time"


def unknown_costs(plan: StudyPlan, folder: StudyFolder, costs: Mapping[str, Cost]) -> Sequence[Pair]:
    """Return the pairs that are left to do, and of which nobody knows what they cost."""
    return [pair for pair in plan.pairs if pair.name not in costs and not folder.is_finished(pair)]
