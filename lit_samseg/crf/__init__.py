"""A dense conditional random field in PyTorch: label maps that follow the edges of an image and of its features."""

from lit_samseg.crf.cliques import Cliques
from lit_samseg.crf.lattice import PermutohedralLattice
from lit_samseg.crf.mean_field import (
    Kernel,
    Position,
    colour_features,
    feature_kernel,
    mean_field,
    position_features,
)

__all__ = [
    "Cliques",
    "Kernel",
    "PermutohedralLattice",
    "Position",
    "colour_features",
    "feature_kernel",
    "mean_field",
    "position_features",
]
