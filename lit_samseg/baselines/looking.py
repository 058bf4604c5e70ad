"""Whether every image has what its baseline reads from files, looked for before any network runs."""

import sys
import warnings
from pathlib import Path

from PIL import Image

from lit_samseg.baselines.interface import Baseline
from lit_samseg.data import SegmentationDataModule
from lit_samseg.errors import InputError

NAMED = 3
"""Images that a message names."""


def look_for_files(baseline: Baseline, data: SegmentationDataModule, announce: bool = True) -> None:
    """Look for the files of all images of a data set; nothing is decoded unless palettes contradict each other.

    Where the data set leaves out images that cannot be read, it is also told to leave out those of which the baseline
    cannot read its files.

    Args:
        baseline: What reads them.
        data: Its ids are chosen.
        announce: Say on standard error what is lacking and will be left out.

    Raises:
        InputError: Something is lacking, and images are not left out, or none would stay.
    """
    ids, leave_out = data.ids, data.on_error == "skip"
    if not any(baseline.files(image_id) for image_id in ids[:1]):
        return
    data.check = baseline.check if leave_out else None
    images = {i: next(iter(data.source.files(i, with_target=False)), None) for i in ids}
    faults = {i: fault for i in ids if (fault := baseline.find_fault(i, images[i])) is not None}
    if not faults:
        baseline.compare_files(ids)
        return
    first = next(iter(faults))
    names = ", ".join(list(faults)[:NAMED]) + (", ..." if len(faults) > NAMED else "")
    lacking = (
        f"baseline {baseline.checkpoint} lacks what it reads for {len(faults)} of {len(ids)} images ({names}); first: "
        f"{faults[first]}{baseline.hint(first)}"
    )
    if not leave_out or len(faults) == len(ids):
        raise InputError(f"{lacking}; mend the files, give --data.ids, or leave images out by --data.on_error skip")
    baseline.compare_files([image_id for image_id in ids if image_id not in faults])
    if announce:
        print(f"lit-samseg: {lacking}; these images will be skipped", file=sys.stderr)


def look_for_training_files(baseline: Baseline, data: SegmentationDataModule) -> None:
    """Look for the files of all images that a network is trained on or validated with; see `look_for_files`.

    Raises:
        InputError: Something is lacking.
    """
    assert data.training_data is not None, "setup for fit comes first"
    for part in (data, data.training_data):
        look_for_files(baseline, part)


def size_of(path: Path) -> tuple[int, int] | None:
    """Return a picture's width and height by its first bytes; None where they tell none, or one that is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return picture.size
    except (
        *(OSError, SyntaxError, ValueError, TypeError),
        *(Image.DecompressionBombWarning, Image.DecompressionBombError),
    ):
        # The reader says what is wrong with it.
        return None


def like_names(folder: Path, image_id: str, suffix: str = ".png", what: str = "label maps") -> str:
    """Tell what may have been meant by a missing ``FOLDER/ID.png``, as the end of a message; mostly nothing.

    Args:
        folder: Where it was looked for.
        image_id: The image's id.
        suffix: How such files end.
        what: What they are, in words.
    """
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    wanted = f"{image_id}{suffix}"
    if wanted in names:
        return "; what has that name is a folder, or a link to nothing"
    if same := [name for name in names if Path(name).stem == image_id]:
        return f"; {same[0]} is there, but {what} are named {wanted}"
    if like := [name for name in names if name.casefold().endswith(suffix) and image_id in name]:
        return f"; {like[0]} is there, but {what} are named {wanted}"
    if below := [name for name in names if (folder / name / wanted).is_file()]:
        return f"; it is in the sub-folder {below[0]}, give that as the root"
    of_kind, kind = [name for name in names if name.casefold().endswith(suffix)], suffix[1:].upper()
    return (
        f"; of the {len(of_kind)} {kind} files there, {of_kind[0]} is the first" if of_kind else f"; no {kind} is there"
    )
