from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.baselines import Precomputed
from lit_samseg.errors import InputError
from tests.conftest import save_indices

IMAGE = torch.zeros(3, 2, 3, dtype=torch.uint8)


def test_reads_labels_and_takes_off_the_offset(tmp_path: Path) -> None:
    save_indices(tmp_path / "a.png", np.array([[1, 2, 3], [3, 2, 1]]))
    assert Precomputed(str(tmp_path), 4).label_map(IMAGE, "a").tolist() == [[1, 2, 3], [3, 2, 1]]
    shifted = Precomputed(str(tmp_path), 3, label_offset=1)
    assert shifted.label_map(IMAGE, "a").tolist() == [[0, 1, 2], [2, 1, 0]]
    assert shifted.label_map(IMAGE, "a").dtype == torch.int64


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (np.array([[0, 1, 9], [0, 0, 0]]), r"a\.png has label 9; labels are 0\.\.4"),
        (np.array([[0, 1, 255], [0, 0, 0]]), "has label 255"),
        (np.array([[0, 1]]), "is 2x1 pixels, its image 3x2"),
    ],
)
def test_unusable_label_maps(tmp_path: Path, labels: np.ndarray, complaint: str) -> None:
    save_indices(tmp_path / "a.png", labels)
    with pytest.raises(InputError, match=complaint):
        Precomputed(str(tmp_path), 5).label_map(IMAGE, "a")


def test_a_value_below_the_offset_is_named_as_the_file_has_it(tmp_path: Path) -> None:
    """ADE20K's own files have 0 for pixels without a class, which a baseline cannot give."""
    save_indices(tmp_path / "a.png", np.array([[0, 1, 2], [1, 1, 1]]))
    with pytest.raises(InputError, match=r"a\.png has label 0; labels are 1\.\.5"):
        Precomputed(str(tmp_path), 5, label_offset=1).label_map(IMAGE, "a")


def test_void_is_no_class(tmp_path: Path) -> None:
    save_indices(tmp_path / "a.png", np.array([[1, 2, 255], [0, 255, 1]]))
    with pytest.raises(InputError, match=r"has label 255; .* if that is no class but void, set model\.base"):
        Precomputed(str(tmp_path), 3).label_map(IMAGE, "a")
    assert Precomputed(str(tmp_path), 3, ignore_index=255).label_map(IMAGE, "a").tolist() == [[1, 2, -1], [0, -1, 1]]
    save_indices(tmp_path / "a.png", np.array([[1, 2, 0], [0, 0, 1]]))
    below = Precomputed(str(tmp_path), 2, label_offset=1, ignore_index=0)
    assert below.label_map(IMAGE, "a").tolist() == [[0, 1, -1], [-1, -1, 0]]


@pytest.mark.parametrize(("offset", "void"), [(0, 1), (0, -1), (1, 2)])
def test_void_is_another_value_than_a_class_has(tmp_path: Path, offset: int, void: int) -> None:
    with pytest.raises(InputError, match=rf"ignore_index is {void}, but the label maps' values {offset}\.\."):
        Precomputed(str(tmp_path), label_offset=offset, ignore_index=void).check_classes(("x", "y"))


NO_YES = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)


def test_binary_label_maps_are_refused_or_read_where_that_is_said(tmp_path: Path) -> None:
    """What a network with one output writes."""
    Image.fromarray(NO_YES).save(tmp_path / "a.png")
    complaint = r"a\.png has the values 0 and 255 only: set model\.baseline\.label_values to binary"
    with pytest.raises(InputError, match=complaint):
        Precomputed(str(tmp_path), 2).label_map(IMAGE, "a")
    said = Precomputed(str(tmp_path), 2, label_values="binary")
    said.check_classes(("no", "yes"))
    assert said.label_map(IMAGE, "a").tolist() == [[0, 1, 1], [0, 0, 1]]
    void = Precomputed(str(tmp_path), 2, ignore_index=255).label_map(IMAGE, "a")
    assert ((void == 0) == torch.from_numpy(NO_YES == 0)).all()
    with pytest.raises(InputError, match="binary: that takes 2 classes, not 3"):
        Precomputed(str(tmp_path), label_values="binary").check_classes(("a", "b", "c"))


def test_palettes_that_were_renumbered(tmp_path: Path) -> None:
    labels = np.array([[0, 3, 3], [0, 0, 4]], np.uint8)
    grey, coloured = (Image.fromarray(np.array([[0, 1, 1], [0, 0, 2]], np.uint8)) for _ in range(2))
    grey.putpalette([0, 0, 0, 3, 3, 3, 4, 4, 4])
    coloured.putpalette([0, 0, 0, 128, 128, 0, 0, 0, 128])
    grey.save(tmp_path / "grey.png")
    coloured.save(tmp_path / "coloured.png")
    baseline = Precomputed(str(tmp_path), 5)
    assert baseline.label_map(IMAGE, "grey").tolist() == labels.tolist()
    with pytest.raises(
        InputError, match=r"at other indices: .*set model\.baseline\.label_values to colours or to indices"
    ):
        baseline.label_map(IMAGE, "coloured")
    read = Precomputed(str(tmp_path), 5, label_values="colours")
    assert read.label_map(IMAGE, "coloured").tolist() == labels.tolist()


def test_palettes_that_disagree(tmp_path: Path) -> None:
    for name, colour in (("a", [0, 200, 0]), ("b", [200, 0, 0])):
        picture = Image.fromarray(np.array([[0, 1]], np.uint8))
        picture.putpalette([9, 0, 0, *colour])
        picture.save(tmp_path / f"{name}.png")
    baseline = Precomputed(str(tmp_path), 5)
    with pytest.raises(InputError, match=r"label maps .*a\.png and .*b\.png have palettes of their own: index 1 is"):
        baseline.compare_files(["a", "b"])
    baseline.compare_files(["a"])
    Precomputed(str(tmp_path), 5, label_values="indices").compare_files(["a", "b"])


def test_missing_map_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such label map: .*b\.png"):
        Precomputed(str(tmp_path), 5).label_map(IMAGE, "b")
    with pytest.raises(InputError, match="no such folder"):
        Precomputed(str(tmp_path / "none"), 5)


def test_the_number_of_classes_comes_from_the_data_set(tmp_path: Path) -> None:
    save_indices(tmp_path / "a.png", np.array([[0, 1, 2], [0, 0, 0]]))
    baseline = Precomputed(str(tmp_path))
    baseline.check_classes(("x", "y"))
    with pytest.raises(InputError, match="has label 2"):
        baseline.label_map(IMAGE, "a")


def test_suffixes_in_upper_case(tmp_path: Path) -> None:
    for name in ("a.PNG", "b.png", "c.png", "c.PNG"):
        save_indices(tmp_path / name, np.zeros((4, 4)))
    baseline = Precomputed(str(tmp_path), num_classes=2)
    assert [baseline.files(image_id)[0].name for image_id in "ab"] == ["a.PNG", "b.png"]
    assert baseline.label_map(torch.zeros(3, 4, 4, dtype=torch.uint8), "a").shape == (4, 4)
    with pytest.raises(InputError, match=r"c\.PNG and c\.png are both label maps of c; remove one"):
        baseline.files("c")
