"""The plain loop over images: the official predictor encodes each image anew for each row, numpy does the rest."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import SamPredictor

from lit_samseg.metrics import score
from lit_samseg.refine import parse_variants
from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.runtime.timing import StageTimer
from lit_samseg.sam.known_weights import resolve_checkpoint
from lit_samseg.sam.official.checkpoint import load_sam

from .clock import Clock
from .job import Job
from .memory import MemoryMeter
from .plain_loop import refine
from .worlds import load_baseline, load_data, put_warm_up_first


def confusion(predicted: NDArray[np.int64], target: NDArray[np.uint8], classes: int, void: int) -> NDArray[np.int64]:
    """Count pixels by ground truth and prediction, ``[C, C]``, without void."""
    seen = target != void
    pairs = target[seen].astype(np.int64) * classes + predicted[seen]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


@without_tf32()
def run_plain(job: Job) -> dict[str, Any]:
    """Time the plain loop, with the networks, the reader and the arithmetic that the package has."""
    device, timer = torch.device(job.device), StageTimer()
    data = load_data(job)
    data.setup("test")
    put_warm_up_first(data, job.warmup)
    baseline = load_baseline(job).to(device).eval()
    predictor = SamPredictor(load_sam(resolve_checkpoint(job.sam))[1].to(device).eval())
    variants = parse_variants(job.variants, has_background=True)
    classes = data.num_classes
    totals = {row: np.zeros((classes, classes), np.int64) for row in ("baseline", *(v.name for v in variants))}
    kept: dict[str, NDArray[np.uint8]] = {}
    memory, clock = MemoryMeter(device), Clock(timer, device)
    for index, image_id in enumerate(data.ids):
        if index == job.warmup:
            clock.start()
            totals = {row: np.zeros_like(counts) for row, counts in totals.items()}
        sample = data.read(image_id, True)
        picture = np.ascontiguousarray(sample.image.permute(1, 2, 0).numpy())
        with timer.stage("baseline", device):
            label_map = baseline.label_map(sample.image.to(device), image_id).cpu().numpy()
        maps = {"baseline": label_map}
        for variant in variants:
            with timer.stage("encode", device):
                predictor.set_image(picture)
            with timer.stage("refine", device):
                recipe = "+".join(variant.recipe)
                maps[variant.name] = refine(predictor, label_map, recipe, variant.region, variant.selector.word)
        with timer.stage("count", device):
            assert sample.target is not None
            for row, predicted in maps.items():
                totals[row] += confusion(predicted, sample.target.numpy(), classes, data.ignore_index)
        if index >= job.warmup and job.output is not None:
            kept |= {f"{image_id}|{row}": predicted.astype(np.uint8) for row, predicted in maps.items()}
    result = clock.stop(job.images) | memory.megabytes()
    if job.output is not None:
        np.savez_compressed(Path(job.output), **kept)
    return result | {"miou": {row: _miou(counts) for row, counts in totals.items()}}


def _miou(counts: NDArray[np.int64]) -> float:
    return score(np.stack([np.diag(counts), counts.sum(1), counts.sum(0)])[:, None]).miou
