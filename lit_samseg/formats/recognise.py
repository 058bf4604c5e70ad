"""Which format masks have: named by the user, or told by the files; what may be two is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions, MaskSet
from lit_samseg.formats.listing import in_words
from lit_samseg.formats.objects.coco import describe_coco, open_coco
from lit_samseg.formats.objects.cvat import describe_cvat, open_cvat
from lit_samseg.formats.objects.labelme import describe_labelme, open_labelme
from lit_samseg.formats.objects.yolo import describe_yolo, open_yolo
from lit_samseg.formats.pixels.binary_masks import BinaryMasks
from lit_samseg.formats.pixels.cityscapes import CityscapesMasks, look_like_cityscapes
from lit_samseg.formats.pixels.class_files import ClassFileMasks, look_like_class_files
from lit_samseg.formats.pixels.colours import ColourMasks
from lit_samseg.formats.pixels.index import IndexMasks
from lit_samseg.formats.pixels.recognition import look_like_binary, look_like_colours, look_like_index
from lit_samseg.formats.source import MaskSource


@dataclass(frozen=True)
class Format:
    """A format of masks.

    Attributes:
        word: Its name in ``--masks.format``.
        describe: Whether files look like it: in a few words what speaks for it, for messages; None if they do not. It
            may raise `InputError`, which is what the user reads if they look like no other format either.
        open: Make a set of them; it raises `InputError` where they are not what they should be.
    """

    word: str
    describe: Callable[[MaskSource], str | None]
    open: Callable[[MaskSource], MaskSet]


FORMATS: tuple[Format, ...] = (
    Format("index", look_like_index, IndexMasks),
    Format("colours", look_like_colours, ColourMasks),
    Format("binary", look_like_binary, BinaryMasks),
    Format("per-class", look_like_class_files, ClassFileMasks),
    Format("cityscapes", look_like_cityscapes, CityscapesMasks),
    Format("coco", describe_coco, open_coco),
    Format("yolo", describe_yolo, open_yolo),
    Format("labelme", describe_labelme, open_labelme),
    Format("cvat", describe_cvat, open_cvat),
)
"""All formats; a new one is one more line here."""


def open_masks(path: Path, pictures_keys: Sequence[str], options: MaskOptions) -> MaskSet:
    """Open masks in whatever format they have.

    Args:
        path: A folder, or a single file.
        pictures_keys: The pictures' names: paths without suffix, with ``/``, relative to the folder of pictures.
        options: What is known of the masks; the rest is found out.

    Raises:
        InputError: There are none, their format is not known, or they may be of two.
    """
    source = MaskSource(path, tuple(sorted(pictures_keys)), options)
    words = [one.word for one in FORMATS]
    if options.format != "auto":
        if options.format not in words:
            raise InputError(f"--masks.format is {options.format!r}; there are auto, {', '.join(words)}")
        return next(one for one in FORMATS if one.word == options.format).open(source)
    found, faults = _recognise(source)
    if len(found) == 1:
        return found[0][0].open(source)
    if not found:
        if faults:
            raise faults[0]
        there = in_words([file.name for file in source.files])
        raise InputError(
            f"masks {path}: no format is recognised ({there or 'no files'}); set --masks.format to "
            f"{', '.join(words[:-1])} or {words[-1]}"
        )
    reasons = " or ".join(f"{one.word} ({reason})" for one, reason in found)
    choices = " or ".join(one.word for one, _ in found)
    raise InputError(f"masks {path} may be {reasons}; set --masks.format {choices}")


def _recognise(source: MaskSource) -> tuple[list[tuple[Format, str]], list[InputError]]:
    """Return the formats that files look like, with reasons; and what was wrong with files, for the others."""
    found, faults = [], []
    for one in FORMATS:
        try:
            reason = one.describe(source)
        except InputError as fault:
            faults.append(fault)
            continue
        if reason is not None:
            found.append((one, reason))
    return found, faults
