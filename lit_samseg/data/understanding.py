"""What a run understood of its data, in words: which pictures, which classes, how much is void, what is background."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.errors import InputError
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.reading import how_read

MOST_FILES = 16
MOST_PIXELS = 16_000_000
"""Of ground truths that are looked at before a run: a fifth of a second's work."""

_BACKGROUND_WORDS = re.compile(
    r"background|backdrop|void|unlabel|unknown|undefined|unannotated|ignore|clutter|hintergrund|achtergrond|arri[eè]re"
    r"|背景|배경|фон|\b(other|others|rest|none|nothing|misc|bg|fond|fondo|sfondo|fundo|empty|no|not|non|negative)\b"
)
_MUCH_VOID = 0.5


@dataclass(frozen=True)
class TruthAreas:
    """Pixels of ground truths.

    Attributes:
        images: How many ground truths.
        areas: int64 ``[C]``: pixels of each class.
        void_share: The share of all pixels that counts nowhere; None where nobody knows.
        reading: How the first one's labels were found in its file.
    """

    images: int
    areas: NDArray[np.int64]
    void_share: float | None
    reading: str | None = None

    def share(self, class_id: int) -> float:
        """Return a class's share of the pixels that count."""
        return float(self.areas[class_id] / max(1, self.areas.sum()))


def look_at_truth(data: SegmentationDataModule) -> TruthAreas | None:
    """Read a few ground truths, evenly spread over the run's images; None where they are no files or none can be read.

    Errors are left to the run, which meets the same files.
    """
    positions = np.unique(np.linspace(0, len(data.ids) - 1, min(len(data.ids), MOST_FILES)).round().astype(int))
    areas, pixels, images, reading = np.zeros(data.num_classes, np.int64), 0, 0, None
    # From coarse to fine, so that what is left out where they are large is spread too.
    for position in [*positions[::4], *positions[2::4], *positions[1::2]]:
        image_id = data.ids[position]
        if not data.files(image_id, with_target=True) or pixels >= MOST_PIXELS:
            break
        try:
            target = data.read_target(image_id).numpy()
        except InputError:
            continue
        images, pixels = images + 1, pixels + target.size
        counted_here = np.bincount(target[target != data.ignore_index].ravel(), minlength=data.num_classes)
        areas += counted_here[: data.num_classes]
        reading = reading or _how_read(data, image_id)
    return TruthAreas(images, areas, 1 - int(areas.sum()) / max(1, pixels), reading) if images else None


def _how_read(data: SegmentationDataModule, image_id: str) -> str | None:
    if getattr(data, "label_values", None) == "binary":
        return "as binary"
    try:
        found = how_read(data.files(image_id, with_target=True)[1], data.file_labels)
    except (InputError, IndexError):
        return None
    return {"indices": "as indices", "colours": "by colour"}.get(found, f"by {found}")


def describe_pictures(data: SegmentationDataModule, with_target: bool) -> str:
    """Say which pictures the run has, and which files of their folder it has not."""
    folder = data.picture_folder
    if folder is None:
        return f"{data.name}, split {data.split}: {counted(len(data.ids), 'image')}"
    listing = folder.listing
    chosen = f"{len(data.ids)} of " if len(data.ids) != len(folder.paths) else ""
    parts = [f"{chosen}{counted(len(folder.paths), 'picture')} in {folder.folder}"]
    if listing.passed_over:
        kinds = ", ".join(f"{number} {kind or 'without suffix'}" for kind, number in [*listing.kinds.items()][:4])
        names = in_words(listing.foreign or listing.passed_over)
        parts.append(f"{counted(len(listing.passed_over), 'other file')} passed over ({kinds}: {names})")
    if listing.subfolders:
        parts.append(f"sub-folders are not read ({in_words(listing.subfolders)})")
    if with_target and (strangers := masks_without_picture(data)):
        parts.append(f"{counted(len(strangers), 'mask')} without a picture ({in_words(strangers)})")
    if data.turned is not None and data.turned.images:
        how = "turned as their EXIF data say" if folder.exif == "upright" else "left as they lie though EXIF turns them"
        parts.append(f"{len(data.turned.images)} {how}")
    return "; ".join(parts)


def describe_classes(data: SegmentationDataModule, seen: TruthAreas | None) -> str:
    """Say which classes there are, and what is void."""
    names, count, first = data.class_names, data.num_classes, data.label_offset
    shown = ", ".join(names) if count <= 4 else f"{', '.join(names[:3])}, ..., {names[-1]}"
    labels = data.file_labels
    void = getattr(data, "void", data.ignore_index) if labels is None or labels.void is None else labels.void
    voids = [str(void)] * (void >= first) + [f"below {first}"] * (first > 0)
    usual = f"labels {first}..{first + count - 1}, void {' and '.join(voids)}"
    text = f"{count} class{'' if count == 1 else 'es'} ({shown}), {data.numbering or usual}"
    if seen is None:
        return text
    text += f", masks read {seen.reading}" if seen.reading else ""
    here = f"in {counted(seen.images, 'ground truth')} looked at"
    share = "" if seen.void_share is None else f", {100 * seen.void_share:.1f} % of the pixels void"
    return f"{text}; {here}: {int((seen.areas > 0).sum())} of the classes{share}"


def describe_background(data: SegmentationDataModule, filled: Sequence[str], seen: TruthAreas | None) -> str:
    """Say which class is never prompted, and what that means for rows.

    Args:
        data: The data set.
        filled: Rows that paint, where the background fills what no mask claims.
        seen: Ground truths.
    """
    if data.background is None:
        named = [n for n, name in enumerate(data.class_names) if says_background(name)]
        also = f" (also class {named[0]} {data.class_names[named[0]]!r})" if named else ""
        return f"no background: every class is prompted{also}, pixels that no mask claims keep the baseline's label"
    share = "" if seen is None else f" ({100 * seen.share(data.background):.1f} % of the pixels that count)"
    rows = f", and fills what no mask claims in {in_words(filled)}" if filled else ""
    name = data.class_names[data.background]
    return f"background: class {data.background} {name!r}{share} is never prompted{rows}"


def says_background(name: str) -> bool:
    """Tell whether a class's name says that it is what is left when all classes are taken away."""
    return _BACKGROUND_WORDS.search(name.lower().replace("_", " ")) is not None


def warnings_of(data: SegmentationDataModule, seen: TruthAreas | None, finished: bool = False) -> list[str]:
    """Return what looks like a mistake, each in a sentence or two; of a finished run its tables say the rest."""
    found = []
    folder, number = data.picture_folder, data.background
    if folder is not None and folder.suffix is None and folder.listing.foreign:
        found.append(
            f"{counted(len(folder.listing.foreign), 'picture')} of {folder.folder} are left out, since their formats "
            f"are not read ({in_words(folder.listing.foreign)}); convert them to PNG"
        )
    if data.turned is not None and (doubt := data.turned.warning()):
        found.append(doubt)
    made_up = data.class_names == tuple(f"class_{n}" for n in range(data.num_classes))
    if number is not None and not says_background(data.class_names[number]) and not (made_up and data.num_classes == 2):
        share = "" if seen is None else f" and covers {100 * seen.share(number):.1f} % of the ground truth"
        found.append(
            f"class {number} {data.class_names[number]!r} is taken for background{share}, though its name does not say "
            "so: it is never prompted, and where rows paint it fills what no mask claims. If it is a class like "
            "others, give --data.background null; if not, name it background in --data.class_names"
        )
    if seen is not None and seen.void_share:
        occurring = [name for name, area in zip(data.class_names, seen.areas, strict=True) if area]
        if len(occurring) == 1 and data.num_classes > 1 and not finished:
            found.append(
                f"of {data.num_classes} classes only {occurring[0]!r} occurs in {counted(seen.images, 'ground truth')}"
                f", and {100 * seen.void_share:.1f} % of the pixels are void: is the void value a class?"
            )
        elif seen.void_share > _MUCH_VOID:
            found.append(
                f"{100 * seen.void_share:.1f} % of the pixels are void and count nowhere; see that data.ignore_index "
                "and data.label_offset are what the masks have"
            )
    return found


def masks_without_picture(data: SegmentationDataModule) -> list[str]:
    """Return names of masks to which no picture belongs."""
    folder, listing = data.picture_folder, data.mask_listing
    if folder is None or listing is None:
        return []
    return [paths[0].name for stem, paths in listing.found.items() if stem not in folder.paths]


def facts_of(data: SegmentationDataModule, seen: TruthAreas) -> dict[str, Any]:
    """Return what ``results.json`` says of it, for `dataset`."""
    facts: dict[str, Any] = {"background": data.background}
    if data.turned is not None:
        facts["turned"] = data.turned.number
    if (folder := data.picture_folder) is not None:
        facts["passed_over"] = {"count": len(folder.listing.passed_over), "suffixes": folder.listing.kinds}
        facts["masks_without_picture"] = len(masks_without_picture(data))
    return facts | {"warnings": [*data.doubts, *warnings_of(data, seen, finished=True)]}
