"""What ``study.json`` holds, as types; scores are fractions, null where there is none."""

from typing import NotRequired

from typing_extensions import TypedDict

from lit_samseg.results.row_contents import Count, Number, Score, Seconds, Verdict


class PairFacts(TypedDict):
    """A pair of a data set and a baseline."""

    name: str
    folder: str
    """The output folder of its test, below the study's."""
    dataset: str
    split: str
    images: Count
    classes: Count
    baseline: str
    sam: str
    device: str
    created: str
    versions: dict[str, str]
    miou: Score
    """The baseline's."""
    miou_gt_present: Score
    shares_images_with: list[str]
    """Pairs that hold some of the same images: their differences are not independent, and are not taken to be."""
    seconds: Seconds | None
    """Per image, all rows together, as the run took."""


class Effect(TypedDict):
    """What a row gains on a pair: mIoU over the classes of the ground truth, row minus baseline."""

    pair: str
    row: str
    """Its name in the pair's run, where ``auto`` is what it stands for."""
    value: Number
    low: Number
    high: Number
    verdict: Verdict
    standard_error: Number
    """Of the joint bootstrap."""
    weight: float
    """In the pooled mean; the weights of all pairs add up to 1."""
    boundary_iou: Number
    """Difference in Boundary IoU over the classes of the ground truth."""
    seconds: Seconds | None
    """Per image, the row alone, beyond baseline and encoder."""


class PooledFacts(TypedDict):
    """A random-effects mean over pairs; see `lit_samseg.pooling.random_effects.Pooled`."""

    pairs: Count
    mean: Number
    low: Number
    high: Number
    p: Number
    tau: Number
    i2: Score
    q: Number
    q_p: Score
    factor: Number
    """Hartung and Knapp's; below 1 the pairs agree better than their sampling errors let expect."""
    predicted_low: Number
    """The true effect on the next pair lies from here to ``predicted_high``, with 95 % confidence."""
    predicted_high: Number


class LeftOut(TypedDict):
    """The pooled mean without one pair."""

    pair: str
    mean: Number
    low: Number
    high: Number


class SlopeFacts(TypedDict):
    """How much more a row gains on an image where something about the image is larger."""

    name: str
    together: bool
    """Whether the other things were kept as they are, or this one was looked at alone."""
    images: Count
    gains: Count
    """An image has one in each pair that holds it."""
    per_unit: Number
    low: Number
    high: Number
    standardised: Number
    p: Number


class AboveEffect(TypedDict):
    """How much more a row gains on a pair than the control."""

    pair: str
    value: Number
    low: Number
    high: Number


class Above(TypedDict):
    """A row against the control, on the pairs that have both."""

    row: str
    """The control."""
    effects: list[AboveEffect]
    pooled: PooledFacts


class RowFacts(TypedDict):
    """A row over all pairs that have it."""

    name: str
    """As the study asks for it."""
    effects: list[Effect]
    pooled: PooledFacts
    left_out: list[LeftOut]
    depends_on: list[SlopeFacts]
    above: NotRequired[Above]


class Failure(TypedDict):
    """A pair that could not be run."""

    pair: str
    reason: str


class StudyResults(TypedDict):
    """The whole file."""

    schema_version: int
    title: str
    pairs: list[PairFacts]
    rows: list[RowFacts]
    failed: list[Failure]
    resamples: Count
