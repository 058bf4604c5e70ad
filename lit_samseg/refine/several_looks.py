"""Test-time augmentation: the baseline sees the image at several scales and mirrored, and all looks count alike."""

from dataclasses import dataclass, replace

from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.cells import sample
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.grid import Grid, likely_classes
from lit_samseg.refine.map_kinds import Belief
from lit_samseg.refine.part import option, part

_KNOWN = "Chen et al., 2017, arXiv:1706.05587, section 4.1"
LEAST_MEAN = 1e-7
"""Below it, the mean of probabilities is taken for this."""


@part("tta")
@dataclass(frozen=True)
class SeveralLooks(Belief):
    """Test-time augmentation: the baseline sees the image at several scales and mirrored, and all looks count alike."""

    main = "largest"
    anew = True
    largest: float = option(1.75, "the largest scale", least=0.1, source=_KNOWN)
    smallest: float = option(0.5, "the smallest scale", least=0.1, source=_KNOWN)
    step: float = option(0.25, "how far scales are apart", least=0.01, source=_KNOWN)
    mirrored: bool = option(True, "whether each is also seen mirrored", source=_KNOWN)

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: One makes no sense, or there is no scale.
        """
        super().__post_init__()
        if self.smallest > self.largest:
            raise InputError(
                f"{self.word!r} has the smallest scale {self.smallest:g} and the largest {self.largest:g}; "
                "give them the other way round"
            )

    @property
    def scales(self) -> tuple[float, ...]:
        """How large the baseline sees the image, against how it sees it at first; ascending."""
        # A little more, since 0.1 has no exact binary form.
        count = int((self.largest - self.smallest) / self.step + 1e-6) + 1
        return tuple(round(self.smallest + n * self.step, 6) for n in range(count))

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Return the mean of the probabilities of all looks; nothing is left of the first one.

        Raises:
            InputError: There is no baseline, or it cannot look again.
        """
        if context.look_closer is None:
            raise InputError(f"{self.word!r} has the baseline look again, and there is none; give one, or another row")
        total: Tensor | None = None
        views = [(scale, mirrored) for scale in self.scales for mirrored in (False, True)[: 1 + self.mirrored]]
        for scale, mirrored in views:
            seen = sample(context.look_closer(scale, mirrored).float(), grid.frame).softmax(0)
            total = seen if total is None else total.add_(seen)
        assert total is not None, "there is a scale"
        mean = total / len(views)
        classes = likely_classes(mean, context.background)
        return replace(grid, classes=classes, log_probabilities=mean[classes].clamp_min(LEAST_MEAN).log(), scored=True)
