"""Class scores of other programs: which axis, which kind, which numbers."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from lit_samseg.errors import InputError
from lit_samseg.formats.score_files import read_scores, shape_of, write_scores
from lit_samseg.formats.scores import LEAST_PROBABILITY, as_logits, axes_of, misfit

LOGITS = np.random.default_rng(0).normal(0, 4, (5, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("kind", ["auto", "logits"])
def test_logits_are_what_they_are(dtype: str, kind: str) -> None:
    found = as_logits(LOGITS.astype(dtype), kind, "x")  # type: ignore[arg-type]
    assert np.array_equal(found.numpy(), LOGITS.astype(dtype).astype(np.float32))


@pytest.mark.parametrize(("dtype", "error"), [("float16", 0.02), ("float32", 1e-5), ("float64", 1e-5)])
def test_of_probabilities_the_logarithm_is_taken(dtype: str, error: float) -> None:
    found = as_logits(softmax(LOGITS, 0).astype(dtype), "auto", "x").numpy()
    expected = np.maximum(log_softmax(LOGITS, 0), np.log(LEAST_PROBABILITY))
    likely = expected > -9
    assert likely.sum() > 20
    assert np.abs(found - expected)[likely].max() < error


def test_a_probability_of_0_is_the_least_one() -> None:
    one_hot = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert as_logits(one_hot, "auto", "x").exp().flatten().tolist() == pytest.approx([1, 1e-6, 1e-6, 1])


@pytest.mark.parametrize(
    ("array", "kind", "complaint"),
    [
        (np.full((2, 1, 1), 0.3), "auto", r"x has scores in 0\.\.1 that do not add up to 1 \(a cell's sum is 0\.6\)"),
        (np.zeros((2, 1, 1)), "probabilities", "probability 0 for every class at row 0, column 0"),
        (LOGITS, "probabilities", r"x has scores from -.*; probabilities are 0\.\.1: set kind to logits"),
        (np.full((2, 1, 1), 128, np.uint8), "auto", "numbers of type uint8"),
        (
            np.array([[[1.0, 2.0]], [[0.0, np.nan]]]),
            "auto",
            r"NaN or infinity, first at class, row, column \[1, 0, 1\]",
        ),
        (np.array([[[-np.inf]], [[0.0]]]), "logits", "NaN or infinity"),
        (np.full((2, 1, 1), 1e300), "logits", "NaN or infinity"),
    ],
)
def test_numbers_that_are_no_scores(array: NDArray[np.generic], kind: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        as_logits(array, kind, "x")  # type: ignore[arg-type]


def test_probabilities_of_a_class_alone_where_that_is_said() -> None:
    found = as_logits(np.full((2, 1, 1), 0.3), "probabilities", "x")
    assert found.exp().flatten().tolist() == pytest.approx([0.3, 0.3])


@pytest.mark.parametrize(
    ("shape", "classes", "layout", "expected"),
    [
        ((5, 3, 4), 5, "chw", (0, 1, 2)),
        ((3, 4, 5), 5, "hwc", (2, 0, 1)),
        ((5, 3, 4), None, "chw", (0, 1, 2)),
        ((1, 5, 3, 4), 5, "chw", (1, 2, 3)),
        ((5, 1, 3, 4), 5, "chw", (0, 2, 3)),
        ((1, 1, 3, 4), 1, "chw", (1, 2, 3)),
        ((5, 1, 3, 4), None, "chw", (0, 2, 3)),
        ((1, 3, 4, 5), 5, "hwc", (3, 1, 2)),
    ],
)
def test_axes(shape: tuple[int, ...], classes: int | None, layout: str, expected: tuple[int, int, int]) -> None:
    assert axes_of(shape, classes, layout, "x") == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "layout", "complaint"),
    [
        ((3, 4, 5), "chw", r"x has the shape \[3, 4, 5\]: its 5 classes are last; set layout to hwc"),
        ((5, 3, 4), "hwc", "its 5 classes are first; set layout to chw"),
        ((4, 3, 4), "chw", r"scores of 4 classes, shape \[4, 3, 4\]; there must be 5"),
        ((3, 4), "chw", r"has the shape \[3, 4\]; scores are \[classes, height, width\]; with two classes, give both"),
        ((3, 4), "hwc", r"scores are \[height, width, classes\]"),
        ((2, 5, 3, 4), "chw", r"has the shape \[2, 5, 3, 4\]"),
        ((5, 0, 4), "chw", r"has the shape \[5, 0, 4\]"),
    ],
)
def test_shapes_that_are_no_scores(shape: tuple[int, ...], layout: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        axes_of(shape, 5, layout, "x")  # type: ignore[arg-type]


@given(st.integers(1, 900), st.integers(1, 900), st.integers(1, 64), st.sampled_from([np.floor, np.ceil, np.round]))
@settings(max_examples=100, deadline=None)
def test_what_any_stride_leaves_of_an_image_fits(height: int, width: int, stride: int, rounding: object) -> None:
    cells = tuple(max(1, int(rounding(side / stride))) for side in (height, width))  # type: ignore[operator]
    assert misfit(cells, (height, width)) is None  # type: ignore[arg-type]


def test_cells_of_another_aspect_ratio() -> None:
    assert misfit((48, 48), (366, 500)) is None
    assert misfit((64, 128), (360, 480), "any") is None
    fault = misfit((64, 128), (360, 480))
    assert fault is not None
    assert fault.startswith("128x64 cells for an image of 480x360 pixels")
    assert "set aspect_ratio to any" in fault
    assert "lie on their side" in str(misfit((500, 366), (366, 500)))


@given(arrays.arrays(np.float16, st.tuples(*[st.integers(1, 4)] * 3), elements=st.floats(-60000, 60000, width=16)))
@settings(max_examples=30, deadline=None)
def test_written_and_read_back(tmp_path_factory: pytest.TempPathFactory, logits: NDArray[np.float16]) -> None:
    path = tmp_path_factory.mktemp("scores") / "a.npz"
    write_scores(path, logits)
    assert shape_of(path) == logits.shape
    assert np.array_equal(read_scores(path, len(logits), "logits").numpy(), logits.astype(np.float32))
    again = path.with_name("b.npz")
    write_scores(again, logits)
    assert again.read_bytes() == path.read_bytes()


def test_files_of_other_programs(tmp_path: Path) -> None:
    probabilities = softmax(LOGITS, 0)
    expected = as_logits(probabilities, "auto", "x")
    np.save(tmp_path / "a.npy", probabilities)
    np.save(tmp_path / "last.npy", np.asfortranarray(probabilities.transpose(1, 2, 0)))
    np.savez(tmp_path / "one.npz", anything=probabilities)
    np.savez(tmp_path / "named.npz", image=np.zeros(3), probabilities=probabilities)
    # nnU-Net 2 and 1, of a picture.
    np.savez_compressed(tmp_path / "nnunet.npz", probabilities=probabilities[:, None])
    np.savez_compressed(tmp_path / "nnunet1.npz", softmax=probabilities[:, None])
    for name in ("a.npy", "one.npz", "named.npz", "nnunet.npz", "nnunet1.npz"):
        assert np.array_equal(read_scores(tmp_path / name, 5), expected), name
        shape = shape_of(tmp_path / name)
        assert shape is not None
        assert [length for length in shape if length > 1] == [5, 3, 4]
    assert np.array_equal(read_scores(tmp_path / "last.npy", 5, layout="hwc"), expected)


def test_files_that_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", a=LOGITS, b=LOGITS)
    np.savez(tmp_path / "none.npz")
    np.save(tmp_path / "pickle.npy", np.array([{}]), allow_pickle=True)
    np.savez(tmp_path / "pickle.npz", logits=np.array([{}]))
    whole = tmp_path / "whole.npz"
    write_scores(whole, LOGITS)
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:200])
    np.save(tmp_path / "cut.npy", LOGITS)
    with (tmp_path / "cut.npy").open("r+b") as file:
        file.truncate(150)
    (tmp_path / "empty.npy").touch()
    (tmp_path / "text.npy").write_text("class scores")
    complaints = {
        "two.npz": "holds the arrays a, b; name that of the scores logits, scores, probabilities or softmax",
        "none.npz": "holds no array",
        "pickle.npy": "cannot be read as scores .*; write it by numpy",
        "pickle.npz": "cannot be read as scores",
        "cut.npz": "cannot be read as scores",
        "cut.npy": "cannot be read as scores",
        "empty.npy": "cannot be read as scores",
        "text.npy": "cannot be read as scores",
        "missing.npz": "no such file of scores",
    }
    for name, complaint in complaints.items():
        with pytest.raises(InputError, match=complaint) as caught:
            read_scores(tmp_path / name, 5)
        assert "\n" not in str(caught.value)
    for name in ("two.npz", "cut.npz", "empty.npy", "text.npy", "missing.npz"):
        assert shape_of(tmp_path / name) is None, name
