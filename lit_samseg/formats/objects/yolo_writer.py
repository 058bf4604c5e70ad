"""Write objects as YOLO's segmentation labels: what did not change stays as it was."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml
from typing_extensions import override

from lit_samseg.formats.interface import Classes, LabelMap, MaskWriter
from lit_samseg.formats.objects.categories import for_new_file
from lit_samseg.formats.objects.outlines import joined, outline
from lit_samseg.formats.objects.painting import Cut, Outlined, cut
from lit_samseg.runtime.atomic import atomic_file


class Originals(Protocol):
    """What files have of pictures."""

    def lines(self, key: str) -> Sequence[str]:
        """Return a picture's objects as they are written; none of a new picture."""

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return the same as objects, in the same order."""


class YoloWriter(MaskWriter):
    """Writes a text file for each picture, which is empty for one without objects.

    Args:
        classes: What classes mean; their values are the numbers in files.
        place: Returns a picture's file.
        originals: What there was of each picture.
        names: What else is written, by its path: the file of names.
    """

    def __init__(
        self, classes: Classes, place: Callable[[str], Path], originals: Originals, names: Mapping[Path, bytes]
    ) -> None:
        self._classes, self._place, self._originals, self._names = classes, place, originals, names

    @override
    def write(self, key: str, masks: LabelMap) -> None:
        height, width = masks.labels.shape
        raw = self._originals.lines(key)
        lines = []
        for one in cut(masks, self._classes, self._originals.outlined(key, height, width), f"masks of {key}"):
            lines.append(raw[one.number] if one.is_same else self._line(one, masks, (height, width)))
        with atomic_file(self._place(key)) as draft:
            draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    @override
    def is_written(self, key: str) -> bool:
        return self._place(key).is_file()

    @override
    def finish(self) -> None:
        for path, content in self._names.items():
            with atomic_file(path) as draft:
                draft.write_bytes(content)

    def _line(self, one: Cut, masks: LabelMap, size: tuple[int, int]) -> str:
        ring = joined(outline(one.piece.mask)) + np.array([one.piece.left, one.piece.top])
        number = self._classes.values[one.class_id] if one.class_id >= 0 else self._classes.void
        shares = (ring / np.array([size[1], size[0]])).ravel().tolist()
        confidence = masks.facts.get(one.number, {}).get("confidence")
        return " ".join([str(number), *(f"{share:.9g}" for share in shares)]) + (
            "" if confidence is None else f" {confidence}"
        )


class NewLabels:
    """Pictures of which there is nothing yet."""

    def lines(self, key: str) -> Sequence[str]:
        """Return nothing."""
        return ()

    def outlined(self, key: str, height: int, width: int) -> Sequence[Outlined]:
        """Return nothing."""
        return ()


def new_yolo(folder: Path, classes: Classes) -> YoloWriter:
    """Return what writes masks of another format as YOLO's labels, with ``data.yaml``.

    Args:
        folder: Where ``data.yaml`` and ``labels`` come to lie.
        classes: What the masks' classes mean.
    """
    own, names = for_new_file(classes, 0)
    table = {folder / "data.yaml": yaml.safe_dump({"names": names}, allow_unicode=True, sort_keys=False).encode()}
    return YoloWriter(own, lambda key: folder / "labels" / f"{key}.txt", NewLabels(), table)
