"""Parts as somebody else writes them: some that work, and some that do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.refine import (
    Composer,
    Composition,
    Decision,
    Field,
    Gate,
    ImageContext,
    Painter,
    PromptPart,
    Region,
    RegionCandidates,
    RegionFinder,
    Selector,
    Start,
    option,
)
from lit_samseg.sam import Prompt


@dataclass(frozen=True)
class Halo(PromptPart):
    """The tight box, grown by some pixels."""

    slot, by_place = "box", True
    pixels: float = option(3.0, "pixels by which it grows", least=0)

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        height, width = region.numbers.shape
        grown = region.box + torch.tensor([-1, -1, 1, 1]) * self.pixels
        return Prompt(box=grown.clamp(min=0).minimum(torch.tensor([width - 1.0, height - 1] * 2)))


@dataclass(frozen=True)
class Last(Selector):
    """The last candidate."""

    def rate(self, candidates: RegionCandidates) -> Tensor:
        return torch.arange(len(candidates.scores))


@dataclass(frozen=True)
class Inside(Gate):
    """Keeps masks that reach no pixel outside of their region."""

    def keeps(self, decision: Decision, context: ImageContext) -> Tensor:
        window, area = decision.window_and_region()
        return ~(window.masks & ~area).any()


class _Given(Composition):
    def __init__(self, label_map: Any) -> None:
        self.label_map = label_map

    def add(self, decision: Decision) -> None:
        pass

    def finish(self) -> Any:
        return self.label_map


@dataclass(frozen=True)
class AllOnes(Composer):
    """Class 1 everywhere."""

    def begin(self, context: ImageContext) -> Composition:
        return _Given(torch.ones_like(context.label_map))


@dataclass(frozen=True)
class Empty(Start):
    """Begins with nothing."""

    def label_map(self, context: ImageContext) -> Tensor:
        return torch.zeros_like(context.label_map)


@dataclass(frozen=True)
class Wrong(PromptPart):
    """Gives whatever it is told to."""

    slot = "box"
    how: str = option("raises", "what is wrong")

    def ask(self, region: Region, context: ImageContext) -> Any:
        nan = float("nan")
        side = context.frame.mask_size
        return {
            "nothing": None,
            "flat box": Prompt(box=torch.zeros(3)),
            "nan box": Prompt(box=torch.tensor([0.0, nan, 2, 3])),
            "turned box": Prompt(box=torch.tensor([5.0, 5, 2, 7])),
            "flat points": Prompt(points=torch.zeros(2)),
            "far points": Prompt(points=torch.tensor([[float("inf"), 0.0]])),
            "small mask": Prompt(mask=torch.zeros(2, 2, dtype=torch.bool)),
            "float mask": Prompt(mask=torch.zeros(*region.numbers.shape)),
            "nan logits": Prompt(mask_logits=torch.full((side, side), nan)),
        }[self.how]


@dataclass(frozen=True)
class WrongSelector(Selector):
    """Gives whatever it is told to."""

    how: str = option("raises", "what is wrong")

    def rate(self, candidates: RegionCandidates) -> Any:
        return {"shape": torch.zeros(7), "nan": torch.full((3,), float("nan")), "list": [0.0, 1, 2]}[self.how]


@dataclass(frozen=True)
class WrongGate(Gate):
    """Gives whatever it is told to."""

    how: str = option("raises", "what is wrong")

    def keeps(self, decision: Decision, context: ImageContext) -> Any:
        return {"shape": torch.ones(2, dtype=torch.bool), "bool": True}[self.how]


@dataclass(frozen=True)
class OwnPainter(Painter):
    """Paints as it likes, on the baseline's map."""

    fill = "baseline"

    def begin(self, context: ImageContext) -> Composition:
        return _Given(context.label_map)


@dataclass(frozen=True)
class WrongComposer(Composer):
    """Gives whatever it is told to."""

    how: str = option("raises", "what is wrong")

    def begin(self, context: ImageContext) -> Composition:
        wrong = {"shape": torch.zeros(2, 2), "float": context.label_map / 2, "none": None}
        return _Given((wrong | {"class": context.label_map + 2, "below": context.label_map - 2})[self.how])


@dataclass(frozen=True)
class WrongField(Field):
    """Gives whatever it is told to."""

    how: str = option("raises", "what is wrong")

    def refine(self, scores: Tensor, context: ImageContext) -> Tensor:
        return {"shape": scores[0], "nan": scores * float("nan")}[self.how]


@dataclass(frozen=True)
class WrongStart(Start):
    """Gives whatever it is told to."""

    how: str = option("raises", "what is wrong")

    def label_map(self, context: ImageContext) -> Tensor:
        return {"shape": context.label_map[:2], "float": context.label_map / 2}[self.how]


@dataclass(frozen=True)
class Pairs(RegionFinder):
    """The largest component and one other are a region."""

    other: int = option(1, "its place by size", least=1)

    def group(self, areas: NDArray[np.int64], boxes: NDArray[np.float64]) -> Sequence[NDArray[np.int64]]:
        return [np.array([0, self.other])]


@dataclass(frozen=True)
class WrongFinder(RegionFinder):
    """Gives whatever it is told to."""

    how: str = option("raises", "what is wrong")

    def group(self, areas: NDArray[np.int64], boxes: NDArray[np.float64]) -> Any:
        return {"twice": [[0], [0]], "beyond": [[1]], "empty": [[]], "floats": [[0.5]], "none": None}[self.how]


class Undecorated(Selector):
    """Somebody forgot something."""

    weight: float = option(1.0, "of nothing")

    def rate(self, candidates: RegionCandidates) -> Tensor:
        return candidates.scores


@dataclass(frozen=True)
class Demanding(Selector):
    """Cannot be made of nothing."""

    weight: float

    def rate(self, candidates: RegionCandidates) -> Tensor:
        return candidates.scores
