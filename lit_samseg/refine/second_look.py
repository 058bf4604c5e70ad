"""The baseline looks again, closer, where it is in doubt."""

from dataclasses import dataclass, replace

import torch

from lit_samseg.errors import InputError
from lit_samseg.refine.cells import sample
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.map_kinds import Belief
from lit_samseg.refine.part import option, part

_KNOWN = "docs/recognition.md"


@part("look")
@dataclass(frozen=True)
class Look(Belief):
    """Where the baseline is in doubt, it looks again at the image enlarged, and both looks count alike."""

    main = "scale"
    scale: float = option(1.5, "how much larger it sees the image", least=0.1, source=_KNOWN)
    doubt: float = option(
        0.2, "in doubt is who finds a class, at its likeliest cell, neither likelier nor less likely than this", 0, 0.5,
        _KNOWN,
    )  # fmt: skip

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        """Average the log-probabilities of both looks; classes that take no part in the first one stay out.

        Raises:
            InputError: There is no baseline, or it cannot look again.
        """
        things = grid.classes != (-1 if context.background is None else context.background)
        likely = grid.log_probabilities.flatten(1)[things].exp().amax(1) if things.any() else grid.image.new_zeros(1)
        if float(torch.minimum(likely, 1 - likely).max()) < self.doubt:
            return grid
        if context.look_closer is None:
            raise InputError(f"{self.word!r} has the baseline look again, and there is none; give one, or another row")
        closer = sample(context.look_closer(self.scale).float(), grid.frame).log_softmax(0)
        both = (grid.log_probabilities + closer[grid.classes]) / 2
        return replace(grid, log_probabilities=both.log_softmax(0))
