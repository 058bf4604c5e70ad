"""What the evaluation makes of one image."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from torch import Tensor

from lit_samseg.analysis import ImageAnalysis
from lit_samseg.evaluation.image_counts import ImageCounts
from lit_samseg.refine import Asked


@dataclass
class LabelMaps:
    """What one image came to.

    Attributes:
        id: The image's id.
        rows: Label map ``[H, W]`` by row name, ``baseline`` first; int16, or int64 for more than 32767 classes.
        prompts: What SAM was asked, by row name; rows without a prompt are left out.
        analysis: What the ground truth says of the steps, where that was asked.
        counts: The image's numbers, in a test; they may be counted while the next images are computed.
        entropy: How unsure the baseline is of its classes, float32 scalar; None where that is not known.
        scores: The baseline's class scores, float32 ``[C, h, w]`` of any size, where they were to be kept.
        likeliest: Of the classes that the ground truth has, the one that these scores rate highest at each pixel,
            integer ``[H, W]``, where an analysis has scores.
    """

    id: str
    rows: dict[str, Tensor]
    prompts: Mapping[str, Sequence[Asked]] = field(default_factory=dict)
    analysis: ImageAnalysis | None = None
    counts: Future[ImageCounts] | None = None
    entropy: Tensor | None = None
    scores: Tensor | None = None
    likeliest: Tensor | None = None
