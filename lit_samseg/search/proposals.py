"""What to try next: all there is, or what Optuna makes of the trials so far."""

import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lit_samseg.errors import InputError
from lit_samseg.search.space import Space

if TYPE_CHECKING:
    import optuna.trial

STARTUP = 16
"""Trials drawn at random before a model of them is made."""
MISSES = 10
"""Draws without a new row, after which one that nobody asked for is taken."""


class Proposals(ABC):
    """Names of rows to try; none comes twice. The same answers give the same proposals."""

    @abstractmethod
    def propose(self, count: int) -> list[str]:
        """Return up to ``count`` new names; none where nothing is left."""

    @abstractmethod
    def learn(self, name: str, value: float) -> None:
        """Take in how good a proposed row is; larger is better."""


class Grid(Proposals):
    """Every row once, in the order of the space.

    Args:
        rows: Names by combination (`Space.rows`).
    """

    def __init__(self, rows: Mapping[tuple[str, ...], str]) -> None:
        self._left = list(dict.fromkeys(rows.values()))

    def propose(self, count: int) -> list[str]:
        """Return the next names."""
        proposed, self._left = self._left[:count], self._left[count:]
        return proposed

    def learn(self, name: str, value: float) -> None:
        """Learn nothing: all are tried."""


class Tpe(Proposals):
    """Optuna's tree-structured Parzen estimator (Bergstra et al., 2011), asked for several rows at a time.

    It is asked for one dimension after the other, each time among the choices with which a row can still be completed;
    a dimension with other choices is another parameter to it. Where it asks again for a row that was tried, it is told
    the value at once. On a made-up objective of a sum of choices and noise, 64 of the default space's 1988 rows
    brought one of the best four in all of four seeds; the best of 64 at random was the 28th on average.

    Args:
        dimensions: Names of the dimensions.
        rows: Names of rows by combination (`Space.rows`).
        seed: Of its draws.

    Raises:
        InputError: Optuna is not installed.
    """

    def __init__(self, dimensions: Sequence[str], rows: Mapping[tuple[str, ...], str], seed: int) -> None:
        try:
            import optuna
        except ModuleNotFoundError as error:
            raise InputError(
                f"{len(set(rows.values()))} recipes are more than --trials, and choosing among them needs Optuna: "
                "pip install 'lit_samseg[search]'; or give so many --trials, or a smaller --space"
            ) from error
        # It would print a line for every trial.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: dict[str, list[optuna.trial.Trial]] = {}
        self._values: dict[str, float] = {}
        self._dimensions, self._rows = dimensions, rows
        self._branches: dict[tuple[str, ...], list[str]] = {}
        for point, depth in itertools.product(rows, range(len(dimensions))):
            branches = self._branches.setdefault(point[:depth], [])
            if point[depth] not in branches:
                branches.append(point[depth])
        # One combination of each row.
        left = list({name: point for point, name in rows.items()}.items())
        random.Random(seed).shuffle(left)
        self._left = dict(left)

    def propose(self, count: int) -> list[str]:
        """Ask until there are as many new names; now and then, where it only repeats itself, any new one is taken."""
        proposed: list[str] = []
        misses = 0
        while self._left and len(proposed) < count:
            if misses == MISSES:
                self._enqueue(next(iter(self._left.values())))
                misses = 0
            trial = self._study.ask()
            name = self._ask(trial)
            if self._left.pop(name, None) is not None:
                proposed.append(name)
            else:
                misses += 1
            if name in self._values:
                self._study.tell(trial, self._values[name])
            else:
                self._asked.setdefault(name, []).append(trial)
        return proposed

    def learn(self, name: str, value: float) -> None:
        """Tell it of every time it asked."""
        self._values[name] = value
        for trial in self._asked.pop(name):
            self._study.tell(trial, value)

    def _ask(self, trial: "optuna.trial.Trial") -> str:
        """Let a trial choose dimension by dimension, where there is a choice, and return the row's name."""
        point: tuple[str, ...] = ()
        while len(point) < len(self._dimensions):
            choices = self._branches[point]
            free = len(choices) > 1
            point += (trial.suggest_categorical(self._parameter(point), choices) if free else choices[0],)
        return self._rows[point]

    def _enqueue(self, point: tuple[str, ...]) -> None:
        """Make this combination what is asked for next."""
        starts = [point[:depth] for depth in range(len(point))]
        choices = {self._parameter(start): point[len(start)] for start in starts if len(self._branches[start]) > 1}
        self._study.enqueue_trial(choices)

    def _parameter(self, start: tuple[str, ...]) -> str:
        return f"{self._dimensions[len(start)]}: {', '.join(self._branches[start])}"


def make_proposals(space: Space, rows: Mapping[tuple[str, ...], str], trials: int, seed: int) -> Proposals:
    """Return a grid where so many trials can see all of it, else Optuna's sampler."""
    return Grid(rows) if len(set(rows.values())) <= trials else Tpe(list(space.dimensions), rows, seed)
