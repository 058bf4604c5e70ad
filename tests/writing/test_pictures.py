"""What written label maps hold: numbers of the data set, as many bits as they need."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data.voc import voc_palette
from lit_samseg.writing.pictures import PredictionWriter, written_void


def data_of(classes: int, offset: int, void: int = 255) -> Any:
    return SimpleNamespace(num_classes=classes, label_offset=offset, palette=voc_palette(), ignore_index=void)


@pytest.mark.parametrize(
    ("own", "data", "expected"),
    [
        (None, data_of(21, 0), None),
        (255, data_of(21, 0), 255),
        # Below the classes, as ADE20K has it.
        (0, data_of(150, 1), 0),
        # The baseline's files have numbers of their own: 0 is a class of the data set.
        (0, data_of(21, 0), 255),
        (1000, data_of(21, 0), 255),
        (255, data_of(300, 0, 65_535), 65_535),
        (1000, data_of(300, 0, 65_535), 1000),
    ],
)
def test_void_is_written_as_a_number_that_no_class_has(own: int | None, data: Any, expected: int | None) -> None:
    baseline: Any = SimpleNamespace(ignore_index=own)
    assert written_void(baseline, data) == expected


@pytest.mark.parametrize(
    ("classes", "offset", "mode"),
    [(255, 0, "P"), (254, 1, "P"), (255, 1, "I;16"), (256, 0, "I;16"), (40_000, 9, "I;16")],
)
def test_numbers_are_read_back(tmp_path: Path, classes: int, offset: int, mode: str) -> None:
    void = 255 if mode == "P" else 65_535
    module = SimpleNamespace(baseline=SimpleNamespace(ignore_index=void), rows=["baseline"])
    run: Any = SimpleNamespace(output_dir=tmp_path, data=data_of(classes, offset, void), module=module)
    labels = np.array([[0, classes - 1, -1], [classes // 2, 1, 0]], np.int16 if classes < 32_768 else np.int64)
    image = np.zeros((2, 3, 3), np.uint8)
    PredictionWriter(run).write(tmp_path / "a", labels, image)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode
        read = np.array(picture).astype(int)
    assert np.array_equal(np.where(read == void, -1, read - offset), labels)
