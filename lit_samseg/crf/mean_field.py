"""Mean-field inference in a conditional random field that joins every pixel with every other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from lit_samseg.crf.cliques import Cliques
from lit_samseg.crf.lattice import PermutohedralLattice

KEPT_POINTS = 2**17
"""Of so many pixels at most what `Position` gives is kept: more than SAM's grid has. It takes about 150 bytes each."""


@dataclass(frozen=True)
class Position:
    """Where a pixel is, as the features of a kernel (`position_features`): the same for all images of a size.

    Args:
        height: The image's height, pixels.
        width: Its width, pixels.
        sigma: Standard deviation, pixels.
        device: Where the image is.
    """

    height: int
    width: int
    sigma: float
    device: torch.device

    def __len__(self) -> int:
        return self.height * self.width


@dataclass(frozen=True)
class Kernel:
    """A Gaussian kernel of the pairwise potential: pixels near each other in its features prefer the same class.

    Args:
        features: float ``[N, d]``, divided by their standard deviations, of the image's N pixels in row-major order; or
            their `Position`.
        weight: The penalty for two pixels of different classes at distance 0 (Potts compatibility).
    """

    features: Tensor | Position
    weight: float


def mean_field(log_probabilities: Tensor, kernels: Sequence[Kernel | Cliques], iterations: int) -> Tensor:
    """Approximate the posterior of a fully connected random field.

    It is the inference of Kraehenbuehl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge
    Potentials", 2011, as their code has it: every kernel is normalised symmetrically, and a pixel's message to itself
    is not taken out.

    Args:
        log_probabilities: Unary scores, float ``[C, h, w]``; a constant per pixel makes no difference.
        kernels: The potential, a sum of these: pairwise, and of sets of pixels.
        iterations: Number of parallel updates of all pixels; 0 only normalises the scores.

    Returns:
        log q, float32 ``[C, h, w]``, without underflow.

    Raises:
        ValueError: A kernel's features are not one row per pixel, a clique's members not all pixels, or see
            `PermutohedralLattice`.

    Memory: the lattices of all kernels, and a few ``[C, h, w]`` and ``[M, C]`` of the largest lattice.
    """
    classes, height, width = log_probabilities.shape
    if any(_pixels_of(kernel) != height * width for kernel in kernels):
        raise ValueError(f"every kernel needs features of {height * width} pixels")
    if classes == 1:
        return torch.zeros_like(log_probabilities, dtype=torch.float32)
    unary = log_probabilities.float().flatten(1)
    smoothings = [(_smoothing(kernel), kernel.weight) for kernel in kernels] if iterations else []
    scores = unary
    for _ in range(iterations):
        # The lattice wants a pixel's values side by side, the softmax is faster over planes.
        q = scores.softmax(0).T.contiguous()
        scores = unary.clone()
        for smoothing, weight in smoothings:
            scores += smoothing.message(q, weight).T
    return scores.log_softmax(0).view(classes, height, width)


class _Smoothing:
    """The lattice of some features ``[N, d]``, normalised on both sides so that its rows sum to about 1."""

    def __init__(self, features: Tensor) -> None:
        self._lattice = PermutohedralLattice(features)
        ones = torch.ones(len(features), 1, device=features.device)
        self._norm = (self._lattice.filter(ones) + 1e-20).rsqrt()

    def message(self, q: Tensor, weight: float) -> Tensor:
        """Return what all pixels say of each, float32 ``[N, C]``, given their q ``[N, C]``."""
        return self._lattice.filter(self._norm * q) * (weight * self._norm)


class _Messages(Protocol):
    """What pixels say of each other."""

    def message(self, q: Tensor, weight: float) -> Tensor:
        """Return what all pixels say of each, float32 ``[N, C]``, given their q ``[N, C]``."""


def _pixels_of(kernel: Kernel | Cliques) -> int:
    return kernel.members.shape[1] if isinstance(kernel, Cliques) else len(kernel.features)


def _smoothing(kernel: Kernel | Cliques) -> _Messages:
    if isinstance(kernel, Cliques):
        return kernel.smoothing()
    features = kernel.features
    if isinstance(features, Tensor):
        return _Smoothing(features)
    return _of_position(features) if len(features) <= KEPT_POINTS else _made_of_position(features)


def _made_of_position(place: Position) -> _Smoothing:
    return _Smoothing(position_features(place.height, place.width, place.sigma, place.device))


@lru_cache(maxsize=6)
@torch.inference_mode(False)  # kept for calls outside of it too
def _of_position(place: Position) -> _Smoothing:
    return _made_of_position(place)


def position_features(height: int, width: int, sigma: float, device: torch.device | str | None = None) -> Tensor:
    """Return features for a kernel of position alone.

    Args:
        height: The image's height h, pixels.
        width: Its width w, pixels.
        sigma: Standard deviation, pixels.
        device: Where to put them.

    Returns:
        x and y of each pixel in standard deviations, float32 ``[h * w, 2]``.
    """
    rows = torch.arange(height, dtype=torch.float32, device=device) / sigma
    columns = torch.arange(width, dtype=torch.float32, device=device) / sigma
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def feature_kernel(features: Tensor, sigma_xy: float, sigma: float) -> Tensor:
    """Return features for a kernel of position and whatever a pixel is described by.

    Args:
        features: float or integer ``[D, h, w]``.
        sigma_xy: Standard deviation of the position, pixels.
        sigma: Standard deviation of the features, in their unit.

    Returns:
        x, y and the features in standard deviations, float32 ``[h * w, 2 + D]``.
    """
    position = position_features(features.shape[1], features.shape[2], sigma_xy, features.device)
    return torch.cat([position, features.float().flatten(1).T / sigma], dim=1)


def colour_features(image: Tensor, sigma_xy: float, sigma_rgb: float) -> Tensor:
    """Return features for the bilateral kernel: pixels that are near each other and of similar colour.

    Args:
        image: uint8, or float from 0 to 255, ``[3, h, w]``.
        sigma_xy: Standard deviation of the position, pixels.
        sigma_rgb: Standard deviation of the colour, of 255.

    Returns:
        x, y, red, green and blue in standard deviations, float32 ``[h * w, 5]``.
    """
    return feature_kernel(image, sigma_xy, sigma_rgb)
