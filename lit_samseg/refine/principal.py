"""The few directions in which features of an image's cells differ most."""

import torch
from torch import Tensor


def principal_components(features: Tensor, count: int) -> Tensor:
    """Project features on their principal components.

    Args:
        features: float32 ``[D, h, w]``.
        count: How many components.

    Returns:
        float32 ``[count, h, w]``, in units of the first one's standard deviation. An eigenvector's sign is arbitrary,
        and so is that of each component: only distances mean something.
    """
    flat = features.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    # float64: eigenvectors of nearly equal values would turn with the last bits of a sum.
    covariance = (flat.double() @ flat.double().T) / flat.shape[1]
    values, vectors = torch.linalg.eigh(covariance)
    projected = vectors[:, -count:].flip(1).T.float() @ flat
    deviation = values[-1].clamp(min=torch.finfo(torch.float32).tiny).sqrt().float()
    components: Tensor = projected / deviation
    return components.view(count, *features.shape[1:])
