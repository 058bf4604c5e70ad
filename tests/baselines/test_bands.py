"""Label maps made in bands of rows: the same as made at once, whatever the band, in bounded memory."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from lit_samseg.baselines.bands import Cropped, Resized, Rows, Stored, argmax_in_bands, gathered
from lit_samseg.baselines.queries import ClassScores, SideBySide, log_likelihood, scores_of_queries

SIZES = [
    ((12, 17), (45, 70)),
    ((160, 120), (45, 70)),
    ((3, 40), (1, 9)),
    ((33, 20), (250, 151)),
    ((1, 1), (5, 7)),
    ((64, 64), (64, 99)),
    ((7, 300), (350, 30)),
    ((9, 8), (9, 8)),
]
BANDS = (1, 5_000, 20_000, 70_000, 10**9)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def all_rows(rows: Rows) -> torch.Tensor:
    return rows.rows(torch.arange(rows.height))


@pytest.mark.parametrize(("small", "large"), SIZES)
def test_resizing_by_rows_is_torchs(small: tuple[int, int], large: tuple[int, int]) -> None:
    logits = numbers(19, *small)
    expected = F.interpolate(logits[None], large, mode="bilinear", align_corners=False)[0]
    rows = Resized(Stored(logits), *large)
    torch.testing.assert_close(all_rows(rows), expected, atol=2e-5, rtol=0)
    labels = argmax_in_bands(rows)
    assert labels.shape == large
    assert (labels != expected.argmax(0)).double().mean() <= 1e-5
    for size in BANDS:
        assert torch.equal(argmax_in_bands(rows, size), labels)
    assert torch.equal(rows.rows(torch.tensor([large[0] - 1, 0])), all_rows(rows)[:, [-1, 0]])


def chains() -> dict[str, Rows]:
    """The chains of mask queries: 50 queries, 20 classes; scores formed last, first, and in windows."""
    masks, classes = 3 * numbers(50, 24, 31), 3 * numbers(50, 21)
    inside = Cropped(Resized(Stored(masks), 96, 124), 89, 111)
    windows = [ClassScores(Resized(Stored(3 * numbers(50, 12, n)), 48, 48), classes) for n in (12, 13, 14)]
    return {
        "scores last": ClassScores(Resized(inside, 151, 70), classes),
        "scores first": Resized(ClassScores(inside, classes), 151, 70),
        "windows": Resized(SideBySide(windows, (0, 20, 41)), 100, 130),
    }


@pytest.mark.parametrize("name", list(chains()))
def test_a_row_does_not_depend_on_its_band(name: str) -> None:
    rows = chains()[name]
    whole = all_rows(rows)
    for count in (1, 2, 7, 64):
        parts = [rows.rows(torch.arange(top, min(top + count, rows.height))) for top in range(0, rows.height, count)]
        assert torch.equal(torch.cat(parts, dim=1), whole)
    for size in BANDS:
        assert torch.equal(argmax_in_bands(rows, size), whole.argmax(0))
    assert len(whole.argmax(0).unique()) > 3


def test_no_tensor_of_a_band_exceeds_what_was_asked() -> None:
    """Also where a tall map becomes a low one, which needs two rows for each."""
    asked: list[int] = []

    class Spy(Stored):
        def rows(self, index: torch.Tensor) -> torch.Tensor:
            values = super().rows(index)
            asked.append(values.numel() * values.element_size())
            return values

    argmax_in_bands(Resized(Spy(numbers(10, 400, 50)), 40, 20), 20_000)
    assert len(asked) > 5
    assert max(asked) <= 20_000


def test_ties_go_to_the_lower_class() -> None:
    logits = numbers(3, 5, 6)
    rows = Resized(Stored(torch.cat((logits, logits))), 33, 21)
    assert argmax_in_bands(rows).max() == 2
    assert (argmax_in_bands(Stored(torch.zeros(4, 5, 6))) == 0).all()


@pytest.mark.parametrize("masks_to_size", [False, True])
def test_scores_of_queries_by_hand(masks_to_size: bool) -> None:
    """The official order, with everything at once; the two orders differ."""
    masks, classes = 4 * numbers(15, 16, 24), 3 * numbers(15, 8)
    padded = F.interpolate(masks[None], (64, 96), mode="bilinear")[..., :57, :90]
    probabilities = classes.softmax(-1)[:, :-1]
    if masks_to_size:
        large = F.interpolate(padded, (130, 77), mode="bilinear")[0]
        scores = torch.einsum("qc,qhw->chw", probabilities, large.sigmoid())
    else:
        scores = torch.einsum("qc,qhw->chw", probabilities, padded[0].sigmoid())
        scores = F.interpolate(scores[None], (130, 77), mode="bilinear")[0]
    args = (masks, classes, (64, 96), (57, 90), (130, 77))
    labels = argmax_in_bands(scores_of_queries(*args, 0, masks_to_size))
    assert len(labels.unique()) > 3
    assert torch.equal(labels, scores.argmax(0))
    assert torch.equal(argmax_in_bands(scores_of_queries(*args, 2, masks_to_size)), scores[2:].argmax(0))
    assert not torch.equal(labels, argmax_in_bands(scores_of_queries(*args, 0, not masks_to_size)))
    likelihood = log_likelihood(scores_of_queries(*args, 0, masks_to_size))
    assert torch.allclose(likelihood.softmax(0), scores / scores.sum(0), atol=1e-5)


def test_what_is_said_of_classes_is_no_larger_than_it_may_be() -> None:
    scores = Resized(Stored(numbers(4, 40, 60)), 1000, 1500)
    small = gathered(scores, 300, band_bytes=50_000)
    assert small.shape == (4, 200, 300)
    expected = F.interpolate(
        F.interpolate(scores.source.values[None], (1000, 1500), mode="bilinear"), (200, 300), mode="bilinear"
    )
    assert torch.allclose(small, expected[0], atol=1e-5)
    assert gathered(scores, 1500).shape == (4, 1000, 1500)
    unknown = log_likelihood(Stored(torch.zeros(3, 2, 2))).softmax(0)
    assert torch.allclose(unknown, torch.full((3, 2, 2), 1 / 3))


MEASURE = """
import re, torch
from pathlib import Path
from lit_samseg.baselines.bands import Resized, Stored, argmax_in_bands
from lit_samseg.baselines.queries import scores_of_queries
logits, masks, classes = torch.randn(150, 128, 128), torch.randn({queries}, 160, 240), torch.randn({queries}, 151)
argmax_in_bands(scores_of_queries(masks, classes, (64, 96), (60, 90), (30, 40), 0, {masks_to_size}))
def memory(kind):
    return int(re.search(kind + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
before = memory("VmRSS")
if {queries} == 1:
    labels = argmax_in_bands(Resized(Stored(logits), *{size}))
else:
    labels = argmax_in_bands(
        scores_of_queries(masks, classes, (640, 960), (640, 950), {size}, 0, {masks_to_size})
    )
assert labels.shape == {size}
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from Linux's /proc")
@pytest.mark.parametrize(
    ("queries", "masks_to_size", "size"),
    [
        # By default the tensors are measured, in `test_no_tensor_of_a_band_exceeds_what_was_asked`.
        pytest.param(1, False, (1000, 1500), marks=pytest.mark.slow),
        pytest.param(1, False, (2000, 3000), marks=pytest.mark.slow),
        pytest.param(250, False, (2000, 3000), marks=pytest.mark.slow),
        pytest.param(250, True, (2000, 3000), marks=pytest.mark.slow),
    ],
)
def test_memory_is_bounded(queries: int, masks_to_size: bool, size: tuple[int, int]) -> None:
    """150 classes at 2000x3000 are 3.6 GB at once; the label map alone is 48 MB."""
    code = MEASURE.format(queries=queries, masks_to_size=masks_to_size, size=size)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pixels = size[0] * size[1]
    # The label map at least, and a twelfth of all scores at most.
    assert 7 * pixels < 1e6 * float(done.stdout) < 50 * pixels
