"""Numbers of a mask become class ids; what is no class is refused, with the file's name."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lit_samseg.data.turned import why_other_size
from lit_samseg.errors import InputError
from lit_samseg.formats.orientation import Exif


def check_labels(
    label_map: Tensor,
    num_classes: int,
    ignore_index: int | None,
    path: Path,
    what: str,
    offset: int = 0,
    void: int | None = None,
) -> None:
    """Check that every label is a class or the ignore index.

    Args:
        label_map: integer, of any shape.
        num_classes: Labels are below it.
        ignore_index: The void label, or None.
        path: Where the map came from, for the message.
        what: What it is, for the message.
        offset: What was taken off the file's values; the message speaks of those.
        void: The file's void value, for the message; ``ignore_index`` if None.

    Raises:
        InputError: Another value occurs; the message names the file, the value and the range.
    """
    seen = torch.unique(label_map).tolist()
    strangers = [v for v in seen if not 0 <= v < num_classes and v != ignore_index]
    if strangers:
        void = ignore_index if void is None else void
        also = "" if void is None else f" and {void}"
        raise InputError(
            f"{what} {path} has label {strangers[0] + offset}; labels are {offset}..{num_classes - 1 + offset}{also}"
        )


def to_target(labels: Tensor, num_classes: int, offset: int, void: int, ignore_index: int, path: Path) -> Tensor:
    """Turn the values of a ground-truth file into class ids.

    Done on a type wide enough that nothing wraps round, in one step: the void value and everything below ``offset``
    become ``ignore_index``, every other value loses ``offset``. (For ADE20K, ``offset`` 1: 0 -> 255, others - 1.)

    Args:
        labels: integer ``[H, W]`` as in the file.
        num_classes: Number of classes.
        offset: What the file's labels exceed class ids by.
        void: The file's value for pixels that count nowhere.
        ignore_index: What these pixels get; no class id.
        path: The file, for the message.

    Returns:
        uint8 ``[H, W]``; int32, if the ignore index is above 255.

    Raises:
        InputError: A value is neither a class nor void, or may be either.
    """
    check_byte(labels, num_classes, offset, path, "ground truth")
    wide = labels.to(torch.int32)
    nowhere = (wide == void) | (wide < offset)
    check_labels((wide - offset)[~nowhere], num_classes, None, path, "ground truth", offset, void)
    return as_narrow(torch.where(nowhere, ignore_index, wide - offset), ignore_index)


def translate(labels: Tensor, class_of: Mapping[int, int], ignore_index: int, path: Path, remedy: str) -> Tensor:
    """Turn the values of a ground-truth file into class ids by a table.

    Args:
        labels: integer ``[H, W]`` as in the file, none negative.
        class_of: Class ids, or the ignore index, by the file's values.
        ignore_index: What pixels without a class get; no class id.
        path: The file, for the message.
        remedy: What helps, for the message.

    Returns:
        uint8 ``[H, W]``; int32, if the ignore index is above 255.

    Raises:
        InputError: The table does not have a value.
    """
    size = max(*class_of, int(labels.max())) + 1
    table = torch.full((size,), -1, dtype=torch.int32)
    table[list(class_of)] = torch.tensor(list(class_of.values()), dtype=torch.int32)
    found = table[labels.long()]
    if (found < 0).any():
        raise InputError(f"ground truth {path} has label {int(labels[found < 0].min())}, which is no class; {remedy}")
    return as_narrow(found, ignore_index)


def check_byte(labels: Tensor, num_classes: int, offset: int, path: Path, what: str) -> None:
    """Check that a file of 8 bits does not have 255 where that is a class: whoever wrote it may have meant void.

    Args:
        labels: As `read_indices` gives them.
        num_classes: Number of classes.
        offset: What the file's labels exceed class ids by.
        path: The file, for the message.
        what: What it is, for the message.

    Raises:
        InputError: It does.
    """
    most = torch.iinfo(torch.uint8).max
    if labels.dtype == torch.uint8 and num_classes + offset > most and bool((labels == most).any()):
        raise InputError(
            f"{what} {path} has 255 in a file of 8 bits, which may be void or a label of {num_classes} classes; save "
            "it with 16 bits, void as 65535"
        )


def as_narrow(target: Tensor, ignore_index: int) -> Tensor:
    """Return class ids and the ignore index, which is the largest number, as uint8, or int32 if that is too narrow."""
    return target.to(torch.uint8 if ignore_index <= torch.iinfo(torch.uint8).max else torch.int32)


def check_size(
    target: Tensor, image: Tensor, path: Path, what: str, image_path: Path | None = None, exif: Exif = "ignore"
) -> None:
    """Check that a label map ``[H, W]`` has the size of its image ``[3, H, W]``.

    Args:
        target: The label map.
        image: Its image.
        path: The label map's file.
        what: What it is, for the message.
        image_path: The image's file where EXIF data may be why the sizes differ.
        exif: How both were read.

    Raises:
        InputError: It has not; the message names the file and both sizes.
    """
    if target.shape != image.shape[1:]:
        why = "" if image_path is None else why_other_size(image_path, path, exif, labels_turn=exif == "upright")
        raise InputError(
            f"{what} {path} is {target.shape[1]}x{target.shape[0]} pixels, its image "
            f"{image.shape[2]}x{image.shape[1]}; they must be equal{why}"
        )


def widest_label(num_classes: int, label_offset: int) -> int:
    """Return the largest number of files that hold so many classes, which stands for void: 255 or 65535.

    Raises:
        InputError: No file can hold them.
    """
    for widest in (255, 65_535):
        if label_offset >= 0 and num_classes + label_offset <= widest:
            return widest
    raise InputError(
        f"data.label_offset is {label_offset} with {num_classes} classes; it cannot be negative, and both together "
        "must fit into 0..65534"
    )
