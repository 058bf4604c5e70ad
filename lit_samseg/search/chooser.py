"""Which recipe is the best over pairs, and which for a pair whose own data set has no say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.search.words import Objective

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TuningGains:
    """What recipes gain on the tuning images of pairs.

    Attributes:
        recipes: Names of ``R`` recipes; of equally good ones the first is chosen.
        datasets: The data set of each of ``K`` pairs, so that one with many pairs counts as one.
        left_out: What the recipe of each pair is chosen without, by name: pairs of one name are left out together.
        values: Float64 ``[R, K]``, fractions; nan where a pair has no number.
    """

    recipes: Sequence[str]
    datasets: Sequence[str]
    left_out: Sequence[str]
    values: Floats


@dataclass(frozen=True)
class Choice:
    """A recipe that was chosen.

    Attributes:
        recipe: Its name.
        objective: What it was chosen for, and is optimistic: a fraction.
    """

    recipe: str
    objective: float


def objective_of(gains: TuningGains, objective: Objective, places: Sequence[int]) -> Floats:
    """Return how good each recipe is on some of the pairs, float64 ``[R]``.

    A pair on which no recipe has a number says nothing. A recipe that lacks one where others have it has nan.

    Args:
        gains: Of all pairs.
        objective: What counts.
        places: Of the pairs.
    """
    known = [place for place in places if not np.isnan(gains.values[:, place]).all()]
    if not known:
        return np.full(len(gains.recipes), np.nan)
    if objective == "worst":
        return np.asarray(gains.values[:, known].min(axis=1))
    datasets = dict.fromkeys(gains.datasets[place] for place in known)
    of_dataset = [
        gains.values[:, [place for place in known if gains.datasets[place] == name]].mean(axis=1) for name in datasets
    ]
    return np.asarray(np.mean(of_dataset, axis=0))


def choose(gains: TuningGains, objective: Objective, places: Sequence[int] | None = None) -> Choice:
    """Return the best recipe on some of the pairs, or on all.

    Raises:
        InputError: No recipe has a number on them.
    """
    reached = objective_of(gains, objective, range(len(gains.datasets)) if places is None else places)
    if np.isnan(reached).all():
        raise InputError(
            "no recipe has a gain on the tuning images to choose by: no pixel of them has a label; give others by "
            "search: {tune: IDS_FILE}"
        )
    best = int(np.nanargmax(reached))
    return Choice(gains.recipes[best], float(reached[best]))


def choose_without(gains: TuningGains, objective: Objective) -> list[Choice]:
    """Return for each pair the best recipe on the pairs that are not left out with it.

    Raises:
        InputError: There is no pair left, or no recipe has a number on those that are.
    """
    return [
        choose(gains, objective, [place for place, other in enumerate(gains.left_out) if other != name])
        for name in gains.left_out
    ]
