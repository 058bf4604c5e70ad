"""Finished runs of pairs become one answer for each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.pooling.contents import Effect, LeftOut, PairFacts, PooledFacts, RowFacts
from lit_samseg.pooling.joint_bootstrap import PairCounts, covariance_of, groups, joint_bootstrap
from lit_samseg.pooling.random_effects import Pooled, leave_one_out, pool
from lit_samseg.results.numbers import finite
from lit_samseg.results.record import RunRecord
from lit_samseg.results.row_contents import Row
from lit_samseg.results.rows import RESAMPLES, SEED
from lit_samseg.results.run_tables import METRIC

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FinishedPair:
    """A pair whose test is done.

    Attributes:
        name: The pair's.
        folder: Of its run, below the study's folder.
        record: The run.
        asked: Names by which its rows are pooled, in the order of the run, without the baseline.
        seconds: Per image of each row alone, by its name in the run; of some rows, or none.
    """

    name: str
    folder: str
    record: RunRecord
    asked: Sequence[str]
    seconds: Mapping[str, float]

    @classmethod
    def read(
        cls, name: str, study: Path, folder: str, asked: Sequence[str], seconds: Mapping[str, float]
    ) -> "FinishedPair":
        """Read a pair's run.

        Raises:
            InputError: There is none, or it has other rows than it was asked for.
        """
        record = RunRecord.read(study / folder)
        if len(record.evidence.rows) != 1 + len(asked):
            raise InputError(f"{study / folder} has other rows than pair {name!r} now has; give another --output_dir")
        return cls(name, folder, record, asked, seconds)

    def place_of(self, row: str) -> int | None:
        """Return where a row is in the run; None where the pair has none of that name."""
        return 1 + list(self.asked).index(row) if row in self.asked else None


def pool_runs(pairs: Sequence[FinishedPair]) -> tuple[list[PairFacts], list[RowFacts]]:
    """Pool each row over the pairs that have it.

    Args:
        pairs: At least one.

    Returns:
        What is to be said of the pairs, and of the rows in the order in which they are first asked for.
    """
    rows = list(dict.fromkeys(row for pair in pairs for row in pair.asked))
    keys = _keys(pairs)
    counted = [
        PairCounts(key, pair.record.evidence.ids, pair.record.evidence.counts, [pair.place_of(row) for row in rows])
        for key, pair in zip(keys, pairs, strict=True)
    ]
    group = groups(counted)
    resampled = joint_bootstrap(counted, RESAMPLES, SEED)
    described = [pair.record.results()["rows"] for pair in pairs]
    facts = [
        _facts(pair, own, _sharing(n, group, pairs)) for n, (pair, own) in enumerate(zip(pairs, described, strict=True))
    ]
    return facts, [_row(row, n, pairs, described, resampled, group) for n, row in enumerate(rows)]


def _keys(pairs: Sequence[FinishedPair]) -> list[str]:
    """Name the data set of each pair, so that equal ids of one name are one image.

    Folders of one's own all have one name. Where two pairs have the same classes, and an image of both has another
    ground truth in each, their ids are not the same images.
    """
    keys: list[str] = []
    for n, pair in enumerate(pairs):
        name = pair.record.facts["dataset"]["name"]
        others = [m for m in range(n) if pairs[m].record.facts["dataset"]["name"] == name]
        same = next((m for m in others if _agree(pairs[m].record, pair.record)), None)
        keys.append(keys[same] if same is not None else f"{name} {n}" if others else name)
    return keys


def _agree(a: RunRecord, b: RunRecord) -> bool:
    if list(a.class_names) != list(b.class_names):
        # The same pictures with other labels, for all that is known.
        return True
    where = {image: n for n, image in enumerate(b.evidence.ids)}
    common = [(n, where[image]) for n, image in enumerate(a.evidence.ids) if image in where]
    return all(np.array_equal(a.evidence.counts[0, 1, n], b.evidence.counts[0, 1, m]) for n, m in common)


def _sharing(place: int, group: Sequence[int], pairs: Sequence[FinishedPair]) -> list[str]:
    return [pair.name for n, pair in enumerate(pairs) if n != place and group[n] == group[place]]


def _facts(pair: FinishedPair, rows: Sequence[Row], sharing: list[str]) -> PairFacts:
    facts, baseline = pair.record.facts, rows[0]
    return {
        "name": pair.name,
        "folder": pair.folder,
        "dataset": facts["dataset"]["name"],
        "split": facts["dataset"]["split"],
        "images": len(facts["dataset"]["ids"]),
        "classes": len(facts["dataset"]["class_names"]),
        "baseline": facts["baseline"]["name"],
        "sam": f"{facts['sam']['name']} ({facts['sam']['precision']})",
        "device": facts["device"],
        "created": facts["created"],
        "versions": facts["versions"],
        "miou": baseline["miou"],
        "miou_gt_present": baseline[METRIC],
        "shares_images_with": sharing,
        "seconds": facts["timing"].get("total"),
    }


def _row(
    row: str,
    column: int,
    pairs: Sequence[FinishedPair],
    described: Sequence[Sequence[Row]],
    resampled: Floats,
    group: Sequence[int],
) -> RowFacts:
    having = [n for n, pair in enumerate(pairs) if row in pair.asked]
    own = [described[n][pairs[n].place_of(row) or 0] for n in having]
    effects = np.array([np.nan if (value := test["difference"][METRIC]["value"]) is None else value for test in own])
    covariance = covariance_of(resampled[:, having, column], [group[n] for n in having])
    pooled = pool(effects, covariance)
    errors = np.sqrt(np.diag(covariance))
    told = zip(having, own, errors, pooled.weights, strict=True)
    left = zip(having, leave_one_out(effects, covariance), strict=True) if pooled.pairs > 1 else ()
    return {
        "name": row,
        "effects": [_effect(pairs[n], test, described[n][0], float(error), weight) for n, test, error, weight in told],
        "pooled": _pooled(pooled),
        "left_out": [_left_out(pairs[n].name, without) for n, without in left],
        "depends_on": [],
    }


def _effect(pair: FinishedPair, row: Row, baseline: Row, error: float, weight: float) -> Effect:
    test = row["difference"][METRIC]
    before, after = (own.get("boundary", {}).get("iou_before_gt_present") for own in (baseline, row))
    return {
        "pair": pair.name,
        "row": row["name"],
        "value": test["value"],
        "low": test["low"],
        "high": test["high"],
        "verdict": test["verdict"],
        "standard_error": finite(error),
        "weight": weight,
        "boundary_iou": None if before is None or after is None else after - before,
        "seconds": pair.seconds.get(row["name"]),
    }


def _pooled(pooled: Pooled) -> PooledFacts:
    return {
        "pairs": pooled.pairs,
        "mean": finite(pooled.mean),
        "low": finite(pooled.low),
        "high": finite(pooled.high),
        "p": finite(pooled.p),
        "tau": finite(pooled.tau),
        "i2": finite(pooled.i2),
        "q": finite(pooled.q),
        "q_p": finite(pooled.q_p),
        "predicted_low": finite(pooled.predicted_low),
        "predicted_high": finite(pooled.predicted_high),
    }


def _left_out(pair: str, pooled: Pooled) -> LeftOut:
    return {"pair": pair, "mean": finite(pooled.mean), "low": finite(pooled.low), "high": finite(pooled.high)}
