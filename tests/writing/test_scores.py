"""What is written of class scores."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from lit_samseg.writing.scores import RULED_OUT, stored_scores

SHAPES = st.tuples(st.integers(1, 6), st.just(3), st.just(4))
# As networks give them: near 20 neighbours in float32 are 2e-6 apart, in float16 0.016.
NUMBERS = st.integers(-(90 * 2**14), 90 * 2**14).map(lambda n: n / 2**14)
LOGITS = arrays.arrays(np.float32, SHAPES, elements=NUMBERS)


@given(LOGITS)
@settings(max_examples=100, deadline=None)
def test_half_precision_moves_no_label(logits: NDArray[np.float32]) -> None:
    given = torch.from_numpy(logits)
    for size in ((3, 4), (30, 40)):
        stored = stored_scores(given, size, "fp16")
        assert stored.dtype == torch.float16
        assert torch.equal(stored.float().argmax(0), given.argmax(0))
        assert (stored.amax(0) == 0).all()
        relative = logits - logits.max(0)
        expected = np.maximum(relative, np.log(1e-6)) if size == (3, 4) else relative
        np.testing.assert_allclose(stored.numpy(), expected, rtol=1e-3, atol=1e-6)


@given(LOGITS)
@settings(max_examples=20, deadline=None)
def test_single_precision_changes_nothing(logits: NDArray[np.float32]) -> None:
    assert np.array_equal(stored_scores(torch.from_numpy(logits), (3, 4), "fp32"), logits)


def test_a_class_that_is_ruled_out_stays_so() -> None:
    logits = torch.tensor([3.0, -torch.inf])[:, None, None].expand(2, 1, 2)
    assert stored_scores(logits, (1, 2), "fp32")[:, 0, 0].tolist() == [3.0, RULED_OUT]
    assert stored_scores(logits, (5, 10), "fp16")[:, 0, 0].tolist() == [0.0, RULED_OUT]
