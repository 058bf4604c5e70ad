"""Cells of training images become a memory: the fit itself, and how far it can be believed of other images."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.refine import CellMemory

BATCH = 1024
"""Cells of a step."""
FIRST = 0.05
"""Part of the steps over which the rate rises."""

STAY = 1e-4
"""Penalty of a class's slope and offset that leave where they begin, squared."""


@dataclass(frozen=True)
class Cells:
    """Cells of training images, ``N`` in all.

    Attributes:
        coarse: What is seen around each, float16 ``[N, coarse]``.
        fine: What is seen in each, float16 ``[N, fine]``.
        classes: int64 ``[N]``.
        drawn: How much likelier each was to be drawn than if all cells of its image were alike, float32 ``[N]``.
    """

    coarse: Tensor
    fine: Tensor
    classes: Tensor
    drawn: Tensor

    def __len__(self) -> int:
        """Return ``N``."""
        return len(self.classes)

    def pick(self, some: Tensor) -> "Cells":
        """Return some of them, int64 ``[n]``."""
        return Cells(self.coarse[some], self.fine[some], self.classes[some], self.drawn[some])


def joined(parts: Sequence[Cells]) -> Cells:
    """Return the cells of several images, in their order."""
    return Cells(*(torch.cat([getattr(part, name) for part in parts]) for name in Cells.__dataclass_fields__))


@dataclass(frozen=True)
class Recipe:
    """How a memory is fitted.

    Attributes:
        epochs: How often each cell is seen.
        lr: AdamW's largest learning rate; it rises over the first `FIRST` of the steps and falls as a cosine.
        weight_decay: AdamW's.
        dropout: Share of the hidden layer that is left out.
        seed: Of first weights, order and what is left out.
    """

    epochs: int
    lr: float
    weight_decay: float
    dropout: float
    seed: int


def fit_memory(memory: CellMemory, cells: Cells, recipe: Recipe) -> float:
    """Fit a memory's weights to cells, from the start; its counts (`FeatureMemory.mixed_up`) are known.

    Args:
        memory: Its weights change.
        cells: One at least.
        recipe: How.

    Returns:
        The mean loss of the last epoch.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        for layer in (memory.around, memory.within, memory.out):
            layer.reset_parameters()
        weights = list(memory.parameters())
        optimizer = torch.optim.AdamW(weights, recipe.lr, weight_decay=recipe.weight_decay)
        steps = recipe.epochs * -(-len(cells) // BATCH)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=steps + 1, pct_start=FIRST)
        importance = memory.balance()[cells.classes] / cells.drawn
        losses: list[float] = []
        with torch.enable_grad():
            for weight in weights:
                weight.requires_grad_(True)
            for _ in range(recipe.epochs):
                losses = []
                for some in torch.split(torch.randperm(len(cells)), BATCH):
                    own = cells.pick(some)
                    logits = memory(own.coarse.float(), own.fine.float(), recipe.dropout)
                    each = F.cross_entropy(logits, own.classes, reduction="none")
                    loss = (each * importance[some]).sum() / importance[some].sum()
                    optimizer.zero_grad()
                    torch.autograd.backward(loss)
                    optimizer.step()
                    rate.step()
                    losses.append(loss.item())
    return sum(losses) / len(losses)


def calibrate_memory(memory: CellMemory, images: Sequence[Cells], folds: int, recipe: Recipe) -> None:
    """Find how far a memory can be believed of images that it was not fitted to: its `slope` and `offset`.

    The images are cut into folds, in their order, so that neighbours of a video are in one. Each is told by a memory
    that was fitted to the others.

    Args:
        memory: Its counts are used, its weights stay.
        images: The cells of each image.
        folds: How many; with fewer images, as many as there are. With one image nothing can be found.
        recipe: How memories are fitted.
    """
    memory.slope.fill_(1.0)
    memory.offset.copy_(memory.uncalibrated())
    folds = min(folds, len(images))
    if folds < 2:
        return
    other = copy.deepcopy(memory)
    logits, left = [], []
    for fold in range(folds):
        inside = [n * folds // len(images) == fold for n in range(len(images))]
        fit_memory(other, joined([own for own, held in zip(images, inside, strict=True) if not held]), recipe)
        left.append(joined([own for own, held in zip(images, inside, strict=True) if held]))
        with torch.no_grad():
            logits.append(other(left[-1].coarse.float(), left[-1].fine.float()).log_softmax(-1))
    held = joined(left)
    slope, offset = calibration(torch.cat(logits), held.classes, 1 / held.drawn, memory.offset)
    memory.slope.copy_(slope)
    memory.offset.copy_(offset)


def calibration(logits: Tensor, classes: Tensor, weights: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """Return the slope and the offset of each class by which classes are likeliest (vector scaling, Guo et al., 2017).

    Args:
        logits: float ``[N, C]``, of cells that the memory was not fitted to.
        classes: int64 ``[N]``.
        weights: Of each cell, float ``[N]``.
        start: Offsets, float ``[C]``, which a class that was not seen keeps, with a slope of 1.

    Returns:
        float64 ``[C]`` each.
    """
    x, share, begin = logits.double(), weights.double() / weights.double().sum(), start.double()
    found = torch.stack([torch.ones_like(begin), begin]).requires_grad_()
    solver = torch.optim.LBFGS([found], max_iter=100, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        solver.zero_grad()
        each = F.cross_entropy(found[0] * x + found[1], classes, reduction="none")
        value = (each * share).sum() + STAY * ((found[0] - 1).square() + (found[1] - begin).square()).sum()
        torch.autograd.backward(value)
        return value

    with torch.enable_grad():
        solver.step(objective)  # type: ignore[no-untyped-call]
    slope, offset = found.detach()
    return slope, offset
