"""What a baseline would have said of an image, had it known which classes are there."""

import torch
from torch import Tensor

from lit_samseg.baselines.bands import Resized, Stored, argmax_in_bands
from lit_samseg.refine import ImageContext
from lit_samseg.runtime.transfer import download, upload


def likeliest_of_truth(context: ImageContext) -> Tensor | None:
    """Return the class that the baseline's scores rate highest of those that the image's ground truth has.

    A GPU is waited for twice.

    Args:
        context: The image, with its ground truth and the baseline's scores.

    Returns:
        Integer ``[H, W]`` like its label map; None where it has no scores, or its ground truth no class. Memory: that
        of `argmax_in_bands`.
    """
    logits, target = context.logits, context.target
    if logits is None or target is None:
        return None
    # Void and what the baseline has no score for share a place at the end.
    places = torch.where(target == context.ignore_index, len(logits), target.long()).clamp(max=len(logits))
    there = torch.zeros(len(logits) + 1, dtype=torch.bool, device=target.device)
    (there,) = download([there.scatter_(0, places.flatten(), value=True)])
    (classes,) = upload([there[:-1].nonzero()[:, 0]], target.device)
    if not len(classes):
        return None
    best = argmax_in_bands(Resized(Stored(logits[classes].float()), *target.shape))
    return classes[best].to(context.label_map.dtype)
