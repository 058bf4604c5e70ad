"""What a row's gain depends on, image by image, over finished runs."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lit_samseg.pooling.contents import SlopeFacts
from lit_samseg.pooling.finished_pair import FinishedPair
from lit_samseg.pooling.image_facts import image_facts, image_gains
from lit_samseg.pooling.moderators import MEAN_SCORE, Slope, regress
from lit_samseg.results.numbers import finite

Floats = NDArray[np.float64]


def slopes_of_row(pairs: Sequence[FinishedPair], keys: Sequence[str], row: str) -> list[SlopeFacts]:
    """Return the slopes of a row's gain on what is known of each image, each alone and all together.

    What is not known of some pair, as how unsure label maps are, has a slope of its own only: together it would leave
    out the other pairs.

    Args:
        pairs: Those that have the row.
        keys: By which their images are known.
        row: The name by which it is asked for.
    """
    gains: list[Floats] = []
    facts: dict[str, list[Floats]] = defaultdict(list)
    of_pair: list[str] = []
    images: list[str] = []
    for key, pair in zip(keys, pairs, strict=True):
        evidence = pair.record.evidence
        name = evidence.rows[pair.place_of(row) or 0]
        gains.append(image_gains(evidence, name))
        for about, values in image_facts(evidence, name).items():
            facts[about].append(values)
        of_pair += [pair.name] * len(evidence.ids)
        images += [f"{key}/{image}" for image in evidence.ids]
    unknown = {about for about, values in facts.items() if any(np.isnan(own).all() for own in values)}
    known = {about: np.concatenate(values) for about, values in facts.items()}
    known = {about: values for about, values in known.items() if np.isfinite(values).any()}
    return [
        _facts(slope)
        for slope in regress(np.concatenate(gains), known, of_pair, images, alone={MEAN_SCORE} | unknown)
        if np.isfinite(slope.per_unit)
    ]


def _facts(slope: Slope) -> SlopeFacts:
    return {
        "name": slope.name,
        "together": slope.together,
        "images": slope.images,
        "gains": slope.gains,
        "per_unit": finite(slope.per_unit),
        "low": finite(slope.low),
        "high": finite(slope.high),
        "standardised": finite(slope.standardised),
        "p": finite(slope.p),
    }
