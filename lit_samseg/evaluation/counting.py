"""Images are counted beside the computation: while a GPU works on the next one, where there are cores for it."""

import torch

from lit_samseg.data import Sample
from lit_samseg.evaluation.image_counts import ImageCounts
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.evaluation.scoring import Scoring
from lit_samseg.runtime.amounts import threads_beside
from lit_samseg.runtime.beside import Beside
from lit_samseg.runtime.timing import StageTimer

BACKLOG = 4
"""Images that may wait to be counted; their label maps are held where they were made until then."""


class Counting:
    """Counts images one after the other, and adds them up.

    Args:
        scoring: What counts, and what is added to.
        timer: Takes down how long the computation waits for it, as stage ``count``.
    """

    def __init__(self, scoring: Scoring, timer: StageTimer) -> None:
        self._scoring, self._timer = scoring, timer
        self._device = torch.device("cpu")
        self._beside = Beside(threads=0)

    def begin(self, device: torch.device) -> None:
        """Be ready to gather, even if no image comes, and to count beside a device if that is of use."""
        self._device = device
        # One thread: metrics of others need not know of threads.
        self._beside = Beside(threads_beside(device, 1), BACKLOG)
        self._scoring.begin()

    def submit(self, sample: Sample, maps: LabelMaps) -> None:
        """Have an image counted soon; ``maps.counts`` tells when it is done. Raises what an earlier image raised."""
        with self._timer.stage("count", self._device):
            maps.counts = self._beside.submit(self._count, sample, maps)

    def finish(self) -> None:
        """Wait until all images so far are counted, or raise the first error."""
        with self._timer.stage("count", self._device):
            self._beside.finish()

    def cancel(self) -> None:
        """Leave out images that are not counted yet: the run has ended."""
        self._beside.cancel()

    @torch.inference_mode()
    def _count(self, sample: Sample, maps: LabelMaps) -> ImageCounts:
        counts = self._scoring.count(sample, maps)
        self._scoring.add(sample.position, counts)
        return counts
