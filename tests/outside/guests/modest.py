"""A belief: nobody is as sure as a baseline says it is."""

from dataclasses import dataclass, replace

from lit_samseg.refine import Belief, Grid, ImageContext, option, part


@part("modest")
@dataclass(frozen=True)
class Modest(Belief):
    """Probabilities are brought nearer to each other."""

    main = "temperature"
    temperature: float = option(2.0, "what log-probabilities are divided by", least=1)

    def revise(self, grid: Grid, context: ImageContext) -> Grid:
        cooled = (grid.log_probabilities / self.temperature).log_softmax(0)
        return replace(grid, log_probabilities=cooled)
