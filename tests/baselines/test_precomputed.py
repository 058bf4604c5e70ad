from pathlib import Path

import numpy as np
import pytest
import torch

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
