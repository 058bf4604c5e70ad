"""Logistic regression, by a solver that gives the same numbers each time."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Regression(NamedTuple):
    """A fitted logistic regression.

    Attributes:
        mean: Of the features, float64 ``[F]``.
        std: Their standard deviations, likewise; 1 where all are the same.
        weight: Of the features less mean, divided by deviation, likewise.
        bias: float64 scalar.
        loss: Mean cross-entropy, in natural logarithms and without the penalty.
    """

    mean: Tensor
    std: Tensor
    weight: Tensor
    bias: Tensor
    loss: Tensor


def fit_logistic(features: Tensor, labels: Tensor, importance: Tensor, penalty: float) -> Regression:
    """Minimise the weighted mean of cross-entropies plus half the penalty times the squared coefficients.

    The bias is penalised too, or else labels that are all the same would have none that is finite.

    Args:
        features: float ``[N, F]``.
        labels: bool ``[N]``.
        importance: Weight of each example, float ``[N]``, none below 0 and some above.
        penalty: Above 0.

    Returns:
        The minimum, of which there is one; computed on the CPU in float64.
    """
    x, y, share = (values.detach().cpu().double() for values in (features, labels, importance))
    share = share / share.sum()
    mean, std = x.mean(0), x.std(0, correction=0)
    # Of a feature that is the same everywhere nothing is left, and nothing is to be divided by nothing.
    std = torch.where(std > 1e-6, std, torch.ones_like(std))
    x = (x - mean) / std
    coefficients = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [coefficients], max_iter=500, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def entropy() -> Tensor:
        logits = x @ coefficients[:-1] + coefficients[-1]
        return (F.binary_cross_entropy_with_logits(logits, y, reduction="none") * share).sum()

    def objective() -> Tensor:
        solver.zero_grad()
        value = entropy() + penalty / 2 * coefficients.square().sum()
        torch.autograd.backward(value)
        return value

    with torch.enable_grad():
        solver.step(objective)  # type: ignore[no-untyped-call]
    found = coefficients.detach()
    return Regression(mean, std, found[:-1], found[-1], entropy().detach())
