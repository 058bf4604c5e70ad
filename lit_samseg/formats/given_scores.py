"""Turn whatever a caller calls class scores into logits."""

from pathlib import Path

import numpy as np
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.formats.score_files import read_scores
from lit_samseg.formats.scores import as_logits, axes_of, misfit


def as_scores(scores: object, size: tuple[int, int], num_classes: int | None = None) -> Tensor:
    """Turn class scores into logits, float32 ``[C, h, w]``.

    Args:
        scores: Logits or probabilities ``[C, h, w]``, a float tensor or array whose cells are the whole image; or the
            path of a ``.npy`` or ``.npz`` with such an array.
        size: The image's height and width.
        num_classes: C; None for any number.

    Raises:
        InputError: They are something else, or of another number of classes or aspect ratio.
    """
    if isinstance(scores, str | Path):
        logits = read_scores(Path(scores).expanduser(), num_classes)
    else:
        # bfloat16 is none of NumPy's types.
        array = scores.detach().float().cpu().numpy() if isinstance(scores, Tensor) else scores
        if not isinstance(array, np.ndarray):
            raise InputError(f"scores are a float tensor or array [C, h, w], or a path, not {type(scores).__name__}")
        shape = [array.shape[axis] for axis in axes_of(array.shape, num_classes, "chw", "scores")]
        logits = as_logits(array.reshape(shape), "auto", "scores")
    if fault := misfit((logits.shape[1], logits.shape[2]), size):
        raise InputError(f"scores are {fault}")
    return logits
