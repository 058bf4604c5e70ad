"""What a row costs by itself, beyond the two networks that every row shares."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer

from lit_samseg.data import SegmentationDataModule
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import ImageContext, Variant
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.runtime.tf32 import without_tf32

TIMED_IMAGES = 8
REPEATS = 2


class RowSeconds(Callback):
    """Times each row alone when a test has ended, and writes the seconds by row as JSON.

    Args:
        path: The file.
        images: How many images are timed, once each.
    """

    def __init__(self, path: str, images: int) -> None:
        self.path, self.images = Path(path), images

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Time the rows."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, SamSegEvaluation)
        ids = data.ids[: self.images]
        seconds = seconds_by_row(pl_module, data, ids, trainer.strategy.root_device, repeats=1)
        with atomic_file(self.path) as draft:
            draft.write_text(json.dumps(seconds, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@torch.inference_mode()
@without_tf32()
def seconds_by_row(
    module: SamSegEvaluation,
    data: SegmentationDataModule,
    ids: Sequence[str],
    device: torch.device,
    repeats: int = REPEATS,
) -> dict[str, float]:
    """Time every variant of a model alone.

    What is timed is all from the baseline's scores and SAM's embedding, which are there already, to the row's label
    map: regions, prompts, SAM's decoder, choosing, merging or adding up, random field. Nothing is shared with other
    rows, as it is in a run, so this is what the row would cost if it were used. Reading, both networks' image encoders,
    counting and writing are left out, since they are the same for all rows.

    Args:
        module: After its run; its variants are timed.
        data: Where images are read from.
        ids: The images that were evaluated; up to ``TIMED_IMAGES`` of them, evenly spaced, are timed.
        device: Where the run was; the model is left where it is found.
        repeats: How often each image is timed.

    Returns:
        Wall seconds per image by name: the mean over the images of the fastest of ``repeats``, after one more on the
        first image that is not counted.
    """
    chosen = [ids[n * len(ids) // TIMED_IMAGES] for n in range(TIMED_IMAGES)] if len(ids) > TIMED_IMAGES else list(ids)
    found_on = module.device
    module.to(device).eval()
    seconds = {variant.name: 0.0 for variant in module.variants}
    try:
        for place, image_id in enumerate(chosen):
            sample = data.read(image_id, with_target=False)
            known = module.predictor.set_image(sample.image.to(device), name=sample.id)
            _ = known.embedding
            taken: dict[str, list[float]] = {variant.name: [] for variant in module.variants}
            # All rows, then all again: what else this machine does for a moment shall not hit a row's every timing.
            for again in range(repeats):
                for variant in module.variants:
                    if place == again == 0:
                        _time(module.predictor, known, variant)
                    taken[variant.name].append(_time(module.predictor, known, variant))
            for name, times in taken.items():
                seconds[name] += min(times) / len(chosen)
    finally:
        module.to(found_on)
    return seconds


def _time(predictor: Predictor, known: ImageContext, variant: Variant) -> float:
    """Return the seconds from label map and embedding to the row's label map."""
    device = known.image.device
    _wait(device)
    start = time.perf_counter()
    context = predictor.set_image(known.image, known.label_map, known.logits)
    context.embedding = known.embedding
    predictor.refine(context, [variant])
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
