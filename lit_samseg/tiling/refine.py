"""A picture of any size is refined tile by tile: windows are read, blended, and written as soon as they are done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lit_samseg.refine import ClassScores
from lit_samseg.tiling.blend import Blend
from lit_samseg.tiling.plan import Plan, Window
from lit_samseg.void import VOID


@dataclass(frozen=True)
class Given:
    """A window of a picture.

    Attributes:
        image: uint8 ``[3, h, w]``, RGB.
        label_map: int64 ``[h, w]``, `VOID` where it is void.
        hidden: Where there is no picture, bool ``[h, w]``; void in the label map, and void in what comes of it. None
            for nowhere.
        scores: Class scores of the window, float ``[C, n, m]`` of any size; None where there are none.
    """

    image: Tensor
    label_map: Tensor
    hidden: Tensor | None = None
    scores: Tensor | None = None


RefineScores = Callable[[Given], ClassScores]
"""Refines a window, and tells how likely each class is."""


@dataclass(frozen=True)
class Done:
    """A window of a refined picture.

    Attributes:
        label_map: int64 ``[h, w]``, `VOID` where it is void; on the CPU, as all of it is.
        confidence: The probability of the labels, float32 ``[h, w]``; of a row that paints, the share of the tiles that
            say so.
        hidden: Where there is no picture, bool ``[h, w]``; None for nowhere.
    """

    label_map: Tensor
    confidence: Tensor
    hidden: Tensor | None = None


class Source(Protocol):
    """Where windows come from."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        ...

    def read(self, window: Window) -> Given:
        """Read a window."""
        ...


class Sink(Protocol):
    """Where windows go."""

    def write(self, window: Window, done: Done) -> None:
        """Write a window, each once."""
        ...


@dataclass
class Outcome:
    """What became of a large picture.

    Attributes:
        tiles: How many it was cut into.
        pixels: Those that are not hidden.
        changed: Those of them that have another label than before.
        confidence: Mean probability of their labels; NaN without any pixel.
    """

    tiles: int
    pixels: int = 0
    changed: int = 0
    confidence: float = float("nan")


def refine_tiles(
    refine_scores: RefineScores,
    source: Source,
    sink: Sink,
    plan: Plan,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Refine a picture that is read and written in windows.

    Regions that a tile cuts off prompt with what is seen of them; the neighbour sees the rest, and both are blended.

    Args:
        refine_scores: Refines a tile.
        source: Gives the tiles.
        sink: Takes their cells, which cover the picture once.
        plan: The tiles.
        progress: Called with the number of tiles that are done and of all.

    Returns:
        Counts. Memory does not grow with the picture but for what source and sink hold, and what `Blend` keeps of one
        row of tiles.

    Raises:
        ValueError: The plan is another picture's.
    """
    if source.shape != (plan.height, plan.width):
        raise ValueError(f"the plan is of {plan.height}x{plan.width}, the picture of {source.shape}")
    blend, outcome, confidence = Blend(plan), Outcome(len(plan)), 0.0
    for done, place in enumerate(plan.places(), start=1):
        given, cell = source.read(plan.window(place)), plan.cell(place)
        finished = blend.add(place, refine_scores(given))
        # A cell has its tile's corner.
        own = slice(0, cell.height), slice(0, cell.width)
        refined, before = finished.label_map.cpu(), given.label_map[own]
        hidden = None if given.hidden is None else given.hidden[own]
        seen = torch.ones_like(before, dtype=torch.bool) if hidden is None else ~hidden
        refined = torch.where(seen, refined, VOID)
        sure = finished.confidence.cpu()
        sink.write(cell, Done(refined, sure, hidden))
        outcome.pixels += int(seen.sum())
        outcome.changed += int(((refined != before) & seen).sum())
        confidence += float(sure[seen].sum(dtype=torch.float64))
        if progress is not None:
            progress(done, len(plan))
    if outcome.pixels:
        outcome.confidence = confidence / outcome.pixels
    return outcome
