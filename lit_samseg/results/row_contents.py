"""What ``results.json`` holds of each row, as types; see `lit_samseg.results.contents`."""

from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict


class Limits:
    """What JSON Schema says of a value beside its type; read by pydantic where the schema is made.

    Args:
        keywords: Of JSON Schema, as ``minimum``.
    """

    def __init__(self, **keywords: int) -> None:
        self.keywords = keywords

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), **self.keywords}


Share = Annotated[float, Limits(minimum=0, maximum=1)]
Count = Annotated[int, Limits(minimum=0)]
Several = Annotated[int, Limits(minimum=1)]
Seconds = Annotated[float, Limits(minimum=0)]
Score = Share | None
Number = float | None
Precision = Literal["fp32", "bf16", "fp16"]
Box = Annotated[list[int], Limits(minItems=4, maxItems=4)]
Step = Literal[
    "refined", "absent", "classes", "absent+classes", "objects", "absent+objects", "components",
    "score", "oracle", "true boxes", "true prompts", "merging", "gate",
]  # fmt: skip
Verdict = Literal["better", "worse", "no evidence", "too few images"]
_Of = TypedDict("_Of", {"class": str})


class ClassScores(_Of):
    """Scores of one class."""

    iou: Score
    acc: Score
    gt_area: Count
    difference: Number


class Interval(TypedDict):
    """The ends of a 95 % interval; null where there is none."""

    low: Number
    high: Number


class Difference(TypedDict):
    """A difference to the baseline, and what can be said of it."""

    value: Number
    low: Number
    high: Number
    p: Number
    p_holm: Number
    verdict: Verdict
    detectable: Number
    enough: NotRequired[Several | None]


class Differences(TypedDict):
    """Differences to the baseline by metric."""

    miou: Difference
    miou_gt_present: Difference
    macc: Difference


class BoundaryFacts(TypedDict):
    """Scores at borders."""

    iou_before: Score
    iou_before_gt_present: Score
    iou_after: Score
    iou_after_gt_present: Score
    mba: Score
    trimap_miou: list[Score]
    trimap_void_share: list[Score]


class LadderStep(TypedDict):
    """One step of a ladder."""

    step: Step
    miou: Score
    miou_gt_present: Score
    gain: Number


class RecognitionFacts(TypedDict):
    """What a row's label maps do not find, and what they find that is not there.

    Over all images; the background is not counted. A class of an image's ground truth is missed where less than 5 % of
    its pixels are right, an object (of 20 px or more) where less than 20 % are; small objects have under 32 x 32 px.
    Absent classes are in a label map and not in its image's ground truth. Components (of 20 px or more) are wrong where
    most of one is of another class. In by_scores images the baseline's scores say what takes the place of absent
    classes, in others the nearest pixel.
    """

    classes: Count
    missed_classes: Count
    absent_classes: Count
    objects: Count
    missed_objects: Count
    small_objects: Count
    missed_small_objects: Count
    components: Count
    wrong_components: Count
    by_scores: Count


class TagFacts(TypedDict):
    """Regions of one tag."""

    tag: str
    count: Count
    before: Score
    after: Score
    of_loss: Score
    of_gain: Score


class BlamedRegion(_Of):
    """The region whose own IoU changed most."""

    box: Box
    tags: list[str]
    before: Score
    after: Score


class EndImage(TypedDict):
    """An image that a row helps or harms most."""

    id: str
    difference: float
    region: BlamedRegion | None


class Harm(TypedDict):
    """Whom a row helps and harms."""

    improved: Score
    unchanged: Score
    worse: Score
    best: list[EndImage]
    worst: list[EndImage]


class PartFacts(_Of):
    """A part of a row."""

    word: str
    options: dict[str, bool | float | str | None]
    slot: NotRequired[str]


class RowParts(TypedDict):
    """The parts of a row."""

    prompt: list[PartFacts]
    regions: PartFacts
    select: PartFacts
    gate: PartFacts | None
    beliefs: NotRequired[list[PartFacts]]
    """Only of a row that has any."""
    compose: list[PartFacts]
    field: PartFacts | None
    start: PartFacts | None
    again: NotRequired[PartFacts]
    """How else SAM is asked, where it is not about its own masks (``rounds``)."""
    judge: NotRequired[PartFacts]
    """Only of a row that has one."""
    rounds: int


class Row(TypedDict):
    """The baseline or a variant."""

    name: str
    miou: Score
    miou_gt_present: Score
    macc: Score
    pixel_acc: Score
    void: NotRequired[Share]
    """Share of the scored pixels for which the row gives no class (--model.baseline.ignore_index), where there are any:
    they are wrong for the class that is there."""
    per_class: list[ClassScores]
    """IoU, accuracy and difference to the baseline's IoU by class."""
    difference: NotRequired[Differences]
    """Row minus baseline in each metric: 95 % paired bootstrap interval, sign-flip p-value, Holm-corrected over the
    run's rows, verdict, the smallest true difference that so many images show in 80 % of samples, and where they are
    too few for any verdict, how many it takes at least."""
    boundary: NotRequired[BoundaryFacts]
    """Boundary IoU (void taken out before, or left out after the bands are made), mean boundary accuracy, mIoU in the
    trimaps of 1, 2, ... px and the share of their area that is void."""
    ladder: NotRequired[list[LadderStep]]
    """The row with one thing at a time made perfect, the baseline too; gain is in miou_gt_present, of refined against
    the baseline, of the others against the row."""
    recognition: NotRequired[RecognitionFacts]
    """Classes and objects that are missed, and what is there that should not be."""
    tags: NotRequired[list[TagFacts]]
    """Regions by what they have against them; before and after are mean IoU with the class's ground truth; of_loss and
    of_gain the shares of all that regions lost and gained in it."""
    harm: NotRequired[Harm]
    """Shares of the images by the sign of their difference in mIoU over the classes of their ground truth; the images
    at either end, each with the region to blame."""
    metrics: NotRequired[dict[str, dict[str, Number]]]
    """Numbers of the run's further metrics, by word and key."""
    parts: NotRequired[RowParts]
    """What the row is made of: each part's word, its class and the options it was given."""
