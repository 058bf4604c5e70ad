"""PASCAL-Context in VOC 2010's layout: PNG as mmsegmentation writes them, and the authors' MATLAB files."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from lit_samseg.data import PascalContext
from lit_samseg.data.pascal_context import AMONG_459, CONTEXT_CLASSES
from lit_samseg.data.understanding import describe_classes
from tests.conftest import refuses

ID = "2008_000002"


def small_context(root: Path, png: Any = None, mat: Any = None, lists: str = "SegmentationContext") -> Path:
    """Write one image, and its ground truth as the files have it."""
    base = root / "VOCdevkit/VOC2010"
    for folder in ("JPEGImages", f"ImageSets/{lists}"):
        (base / folder).mkdir(parents=True)
    shape = np.array(png if png is not None else mat).shape
    Image.new("RGB", shape[::-1]).save(base / f"JPEGImages/{ID}.jpg")
    (base / f"ImageSets/{lists}/val.txt").write_text(f"{ID}\n")
    if png is not None:
        (base / "SegmentationClassContext").mkdir()
        Image.fromarray(np.array(png, np.uint8)).save(base / f"SegmentationClassContext/{ID}.png")
    if mat is not None:
        (base / "trainval").mkdir()
        savemat(base / f"trainval/{ID}.mat", {"LabelMap": np.array(mat, np.uint16)}, do_compression=True)
    return root


def test_classes_are_alphabetical_as_their_labels_among_459() -> None:
    assert len(CONTEXT_CLASSES) == len(AMONG_459) == 59
    assert list(CONTEXT_CLASSES) == sorted(CONTEXT_CLASSES)
    assert list(AMONG_459) == sorted(set(AMONG_459))
    fewer, more = PascalContext(labels="png"), PascalContext(labels="png", classes=60)
    assert (fewer.num_classes, fewer.background, fewer.label_offset) == (59, None, 1)
    assert (more.class_names[0], more.class_names[1:], more.background) == ("background", CONTEXT_CLASSES, 0)
    assert fewer.palette == more.palette
    assert fewer.palette is not None
    assert len(fewer.palette) == 3 * 60
    assert "labels 1..59, void 255 and below 1" in describe_classes(fewer, None)
    assert "labels 0..59, void 255" in describe_classes(more, None)


@pytest.mark.parametrize("lists", ["SegmentationContext", "Main"])
def test_png_files_have_background_as_0(tmp_path: Path, lists: str) -> None:
    root = small_context(tmp_path, [[0, 1, 2], [59, 37, 255]], lists=lists)
    for there in (root, root / "VOCdevkit", root / "VOCdevkit/VOC2010"):
        data = PascalContext(str(there))
        data.setup("test")
        sample = data.read(ID, with_target=True)
        assert sample.target is not None
        assert sample.target.tolist() == [[255, 0, 1], [58, 36, 255]]
        assert [data.class_names[label] for label in (0, 1, 36, 58)] == ["aeroplane", "bag", "person", "wood"]
    assert PascalContext(str(root), classes=60).read_target(ID).tolist() == [[0, 1, 2], [59, 37, 255]]


def test_the_authors_files_have_459_labels(tmp_path: Path) -> None:
    root = small_context(tmp_path, mat=[[0, 1, 2], [9, 284, 459]])
    data = PascalContext(str(root))
    data.setup("test")
    assert data.kind == "mat"
    assert data.read(ID, with_target=True).target.tolist() == [[255, 255, 0], [1, 36, 255]]  # type: ignore[union-attr]
    assert "59 of the 459 labels in the .mat files, all others void" in describe_classes(data, None)
    more = PascalContext(str(root), classes=60)
    assert more.read_target(ID).tolist() == [[0, 0, 1], [2, 37, 0]]
    assert "all others background" in describe_classes(more, None)


@pytest.mark.parametrize("classes", [59, 60])
def test_both_kinds_of_files_are_the_same_targets(tmp_path: Path, classes: Literal[59, 60]) -> None:
    numbers = np.random.default_rng(3).integers(60, size=(9, 11))
    root = small_context(tmp_path, numbers, np.array([0, *AMONG_459])[numbers])
    png, mat = (PascalContext(str(root), classes=classes, labels=kind) for kind in ("png", "mat"))  # type: ignore[arg-type]
    assert png.read_target(ID).equal(mat.read_target(ID))
    assert PascalContext(str(root)).kind == "png"


def test_files_of_something_else_are_named(tmp_path: Path) -> None:
    root = small_context(tmp_path, [[1, 60]], [[1, 460]])
    png, mat = PascalContext(str(root)), PascalContext(str(root), labels="mat")
    refuses(lambda: png.read_target(ID), f"{ID}.png has label 60", "0..59")
    refuses(lambda: mat.read_target(ID), f"{ID}.mat has label 460", "0..459")
    path = root / f"VOCdevkit/VOC2010/trainval/{ID}.mat"
    savemat(path, {"other": np.zeros((1, 2))})
    refuses(lambda: mat.read_target(ID), "no MATLAB file with a LabelMap")
    savemat(path, {"LabelMap": np.zeros((1, 2))})
    refuses(lambda: mat.read_target(ID), "no table of labels")
    path.write_bytes(b"MATLAB 7.3 MAT-file" + bytes(105) + b"\x00\x02IM")
    refuses(lambda: mat.read_target(ID), "no MATLAB file with a LabelMap")
    savemat(path, {"LabelMap": np.eye(20, dtype=np.uint16)}, do_compression=True)
    whole = path.read_bytes()
    for length in (0, 60, 128, 140, len(whole) - 9):
        path.write_bytes(whole[:length])
        refuses(lambda: mat.read_target(ID), f"{ID}.mat", "get them from")
    path.unlink()
    refuses(lambda: mat.setup("test"), "1 of 1 listed images have no file", "or .mat in trainval")
    refuses(lambda: mat.read_target(ID), f"{ID}.mat cannot be read (No such file")
    Image.new("RGB", (2, 1)).save(root / f"VOCdevkit/VOC2010/SegmentationClassContext/{ID}.png")
    refuses(lambda: png.read_target(ID), "mode RGB", "class indices")


def test_a_root_without_the_data(tmp_path: Path) -> None:
    refuses(lambda: PascalContext(split="test"), "no split 'test'; there are train and val")
    refuses(PascalContext(str(tmp_path / "none")).find_ids, "does not exist", "pascal-context")
    refuses(PascalContext(str(tmp_path)).find_ids, "has no VOC2010 with JPEGImages")
    root = small_context(tmp_path, [[1]])
    refuses(PascalContext(str(root), "train").find_ids, "no list", "SegmentationContext/train.txt", "Main/train.txt")
    Image.new("RGB", (4, 4)).save(tmp_path / "own.png")
    data = PascalContext(str(tmp_path / "none"), images=str(tmp_path))
    data.setup("predict")
    assert data.numbering is None
