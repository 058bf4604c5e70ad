"""What a metric's numbers are called and how they are shown. Read without torch, as finished runs are."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["per cent", "number"]
Place = Literal["table", "log"]


@dataclass(frozen=True)
class Column:
    """One number of a metric.

    Attributes:
        key: Its name in `Metric.score` and in ``results.json``.
        heading: Its name above a table's column.
        unit: ``per cent``: a fraction, shown times 100; ``number``: shown as it is. Both with two decimals.
        higher_is_better: Whether a larger number is the better one.
        shown: Where it stands beside ``results.json``, which has all: in the ``table`` of scores, in what loggers get.
        note: What it is, in a sentence without its full stop; it stands below the table.
    """

    key: str
    heading: str
    unit: Unit = "per cent"
    higher_is_better: bool = True
    shown: tuple[Place, ...] = ("table", "log")
    note: str = ""


PIXEL_COLUMNS = (
    Column("miou", "mIoU"),
    Column("macc", "mAcc"),
    Column("miou_gt_present", "mIoU*", note="over the classes of the ground truth"),
    Column("pixel_acc", "pixel acc.", shown=("log",)),
)
"""Scores of pixels (`PixelMetric`)."""

BOUNDARY_COLUMNS = (
    Column("iou_before", "bIoU", shown=("table",), note="Boundary IoU, void taken out before the bands are made"),
    Column("iou_before_gt_present", "bIoU*", shown=()),
    Column("iou_after", "bIoU, void after", shown=()),
    Column("iou_after_gt_present", "bIoU*, void after", shown=()),
    Column("mba", "mBA", shown=()),
)
"""Scores at borders (`BoundaryMetric`)."""
