"""Sets of pixels that prefer one class: the higher-order potentials of a random field."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Cliques:
    """Overlapping sets of pixels, each of which sends its members the mean of their beliefs.

    A linear form of the robust P^n Potts potential (Kohli, Ladicky and Torr, "Robust Higher Order Potentials for
    Enforcing Label Consistency", 2009) as a mean field has it (Vineet, Warrell and Torr, "Filter-based Mean-Field
    Inference for Random Fields with Higher-Order Terms and Product Label-Spaces", 2012): members that disagree send a
    weak message, and nobody is forced.

    Args:
        members: How far each pixel belongs to each clique, in 0..1, float32 ``[K, N]`` or bool, N pixels in row-major
            order.
        trust: How much each clique counts beside the others, in 0..1, float32 ``[K]``.
        weight: What a class gains in score at a pixel whose cliques are all sure of it.

    Memory: ``members`` as float32.
    """

    members: Tensor
    trust: Tensor
    weight: float

    def smoothing(self) -> "_CliqueMeans":
        """Return what sends the messages."""
        return _CliqueMeans(self.members.float(), self.trust.float())


class _CliqueMeans:
    def __init__(self, members: Tensor, trust: Tensor) -> None:
        self._members = members
        self._from = trust / members.sum(1).clamp(min=1)
        # Several cliques of a pixel share the weight; one that is hardly trusted, or hardly holds it, has little.
        self._shared = (trust @ members).clamp(min=1)

    def message(self, q: Tensor, weight: float) -> Tensor:
        """Return what a pixel's cliques say of it, float32 ``[N, C]``, given all pixels' q ``[N, C]``."""
        said = self._from[:, None] * (self._members @ q)
        return (self._members.T @ said) * (weight / self._shared)[:, None]
