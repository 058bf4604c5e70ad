"""Finished runs of pairs become one answer for each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.bootstrap import percentile_interval
from lit_samseg.pooling.contents import Above, AboveEffect, Effect, LeftOut, PairFacts, PooledFacts, RowFacts
from lit_samseg.pooling.dependence import slopes_of_row
from lit_samseg.pooling.finished_pair import FinishedPair, image_keys
from lit_samseg.pooling.joint_bootstrap import PairCounts, covariance_of, groups, joint_bootstrap
from lit_samseg.pooling.random_effects import Pooled, leave_one_out, pool
from lit_samseg.results.numbers import finite
from lit_samseg.results.row_contents import Row
from lit_samseg.results.rows import RESAMPLES, SEED
from lit_samseg.results.run_tables import METRIC

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Pooling:
    """What all rows are pooled from.

    Attributes:
        pairs: ``K`` of them.
        rows: Names of the rows, ``A`` of them.
        described: Each pair's rows as its ``results.json`` has them, the baseline first.
        values: Each row's gain on each pair, float64 ``[K, A]``; nan where a pair has no such row.
        resampled: The same on ``B`` joint resamples of the images, float64 ``[B, K, A]``.
        keys: Each pair's, by which its images are known (`image_keys`).
        group: Each pair's; pairs of one group share images.
    """

    pairs: Sequence[FinishedPair]
    rows: Sequence[str]
    described: Sequence[Sequence[Row]]
    values: Floats
    resampled: Floats
    keys: Sequence[str]
    group: Sequence[int]

    def having(self, row: str) -> list[int]:
        """Return the places of the pairs that have a row."""
        return [n for n, pair in enumerate(self.pairs) if row in pair.asked]


def pool_runs(pairs: Sequence[FinishedPair], control: str | None = None) -> tuple[list[PairFacts], list[RowFacts]]:
    """Pool each row over the pairs that have it.

    Args:
        pairs: At least one.
        control: A row that others are compared with as well; None for none.

    Returns:
        What is to be said of the pairs, and of the rows in the order in which they are first asked for.
    """
    rows = list(dict.fromkeys(row for pair in pairs for row in pair.asked))
    places = [[pair.place_of(row) for row in rows] for pair in pairs]
    keys = image_keys(pairs)
    counted = [
        PairCounts(key, pair.record.evidence.ids, pair.record.evidence.counts, own)
        for key, pair, own in zip(keys, pairs, places, strict=True)
    ]
    described = [pair.record.results()["rows"] for pair in pairs]
    values = [
        [np.nan if place is None else _value(own[place]) for place in at]
        for own, at in zip(described, places, strict=True)
    ]
    resampled, group = joint_bootstrap(counted, RESAMPLES, SEED), groups(counted)
    pooling = _Pooling(pairs, rows, described, np.array(values), resampled, keys, group)
    return [_facts(pooling, n) for n in range(len(pairs))], [_row(pooling, row, control) for row in rows]


def _value(row: Row) -> float:
    value = row["difference"][METRIC]["value"]
    return float("nan") if value is None else value


def _facts(pooling: _Pooling, place: int) -> PairFacts:
    pair, baseline = pooling.pairs[place], pooling.described[place][0]
    facts, group = pair.record.facts, pooling.group
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
        "shares_images_with": [
            other.name for n, other in enumerate(pooling.pairs) if n != place and group[n] == group[place]
        ],
        "seconds": facts["timing"].get("total"),
    }


def _row(pooling: _Pooling, row: str, control: str | None) -> RowFacts:
    having, column = pooling.having(row), pooling.rows.index(row)
    values = pooling.values[having, column]
    covariance = covariance_of(pooling.resampled[:, having, column], [pooling.group[n] for n in having])
    pooled = pool(values, covariance)
    errors = np.sqrt(np.diag(covariance))
    left = zip(having, leave_one_out(values, covariance), strict=True) if pooled.pairs > 1 else ()
    facts: RowFacts = {
        "name": row,
        "effects": [
            _effect(pooling, n, row, float(error), weight)
            for n, error, weight in zip(having, errors, pooled.weights, strict=True)
        ],
        "pooled": _pooled(pooled),
        "left_out": [_left_out(pooling.pairs[n].name, without) for n, without in left],
        "depends_on": slopes_of_row([pooling.pairs[n] for n in having], [pooling.keys[n] for n in having], row),
    }
    if control in pooling.rows and control != row and control is not None:
        facts["above"] = _above(pooling, row, control)
    return facts


def _above(pooling: _Pooling, row: str, control: str) -> Above:
    """Compare a row with the control on the pairs that have both."""
    both = [n for n in pooling.having(row) if control in pooling.pairs[n].asked]
    column, other = pooling.rows.index(row), pooling.rows.index(control)
    values = pooling.values[both, column] - pooling.values[both, other]
    resampled = pooling.resampled[:, both, column] - pooling.resampled[:, both, other]
    pooled = pool(values, covariance_of(resampled, [pooling.group[n] for n in both]))
    effects: list[AboveEffect] = []
    for place, n in enumerate(both):
        # All resamples of one image are that image.
        several = len(pooling.pairs[n].record.evidence.ids) > 1 and np.isfinite(resampled[:, place]).any()
        low, high = percentile_interval(resampled[:, place]) if several else (float("nan"), float("nan"))
        effects.append(
            {
                "pair": pooling.pairs[n].name,
                "value": finite(values[place]),
                "low": finite(low),
                "high": finite(high),
            }
        )
    return {"row": control, "effects": effects, "pooled": _pooled(pooled)}


def _effect(pooling: _Pooling, place: int, row: str, error: float, weight: float) -> Effect:
    pair, (baseline, *_) = pooling.pairs[place], pooling.described[place]
    own = pooling.described[place][pair.place_of(row) or 0]
    test = own["difference"][METRIC]
    before, after = (one.get("boundary", {}).get("iou_before_gt_present") for one in (baseline, own))
    return {
        "pair": pair.name,
        "row": own["name"],
        "value": test["value"],
        "low": test["low"],
        "high": test["high"],
        "verdict": test["verdict"],
        "standard_error": finite(error),
        "weight": weight,
        "boundary_iou": None if before is None or after is None else after - before,
        "seconds": pair.seconds.get(own["name"]),
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
        "factor": finite(pooled.factor),
        "predicted_low": finite(pooled.predicted_low),
        "predicted_high": finite(pooled.predicted_high),
    }


def _left_out(pair: str, pooled: Pooled) -> LeftOut:
    return {"pair": pair, "mean": finite(pooled.mean), "low": finite(pooled.low), "high": finite(pooled.high)}
