"""No image is evaluated on that something in use was trained on."""

import sys
from collections.abc import Iterator, Mapping, Sequence

from lightning import Trainer

from lit_samseg.baselines import Baseline
from lit_samseg.checkpoints.trained_on import TrainedOn, check_evaluated
from lit_samseg.data import SegmentationDataModule
from lit_samseg.data.digests import pixel_digests
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.sam import PromptableSegmenter

Training = tuple[TrainedOn, str]
"""Images, and the file of what was trained on them."""


def trainings(baseline: Baseline, sam: PromptableSegmenter, needs: RowNeeds) -> list[Training]:
    """Return what was trained by ``lit-samseg fit`` of all that takes part in an evaluation."""

    def found() -> Iterator[Training]:
        yield baseline.trained_on, f"the baseline {baseline.checkpoint}"
        if sam.adapter is not None:
            yield sam.adapter.trained_on, str(sam.adapter_file)
        for fitted, file in needs.trained():
            yield fitted.trained_on, file

    return [(images, file) for images, file in found() if images]


def digests_of(trainer: Trainer, data: SegmentationDataModule) -> dict[str, str | None]:
    """Return the digests of a data set's images; the first process reads them, and tells the others."""
    return trainer.strategy.broadcast(pixel_digests(data) if trainer.is_global_zero else {})


def check_held_out(
    data: SegmentationDataModule, images: Mapping[str, str | None], found: Sequence[Training], announce: bool = True
) -> None:
    """Refuse images that something was trained on, whatever they are called.

    Args:
        data: The evaluation's.
        images: Its images with their digests.
        found: What was trained.
        announce: Say on standard error where only a name is the same.

    Raises:
        InputError: Some of the images were trained on.
    """
    for trained_on, file in found:
        others = check_evaluated(trained_on, images, file, data.ids_are_names)
        if others and announce:
            print(
                f"lit-samseg: {others} of the images are called as ones that {file} was trained on, and have other "
                "pixels: they are taken for others",
                file=sys.stderr,
            )
