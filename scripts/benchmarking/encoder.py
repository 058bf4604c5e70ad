"""The image encoder alone: ours against the official one, on the same frame."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn

from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.known_weights import resolve_checkpoint
from lit_samseg.sam.official.architecture import SAM_VIT_B, build_sam
from lit_samseg.sam.official.checkpoint import load_sam
from lit_samseg.sam.precision import autocast

from .blobs import draw_blobs
from .job import Job

PICTURE = (375, 500, 20, 21)


def run_official(job: Job) -> dict[str, Any]:
    """Time the official module in fp32."""
    _, sam = load_sam(resolve_checkpoint(job.sam))
    return _time(job, sam.image_encoder, sam)


def run_ours(job: Job) -> dict[str, Any]:
    """Time the encoder that `SegmentAnything` uses."""
    sam = SegmentAnything(job.sam, job.precision)  # type: ignore[arg-type]
    encoder = torch.compile(sam.model.image_encoder) if job.compile else sam.model.image_encoder
    return _time(job, encoder, sam.model)


def write_random_vit_b(job: Job) -> dict[str, Any]:
    """Write a ViT-B of random weights to the job's output; what the network starts with at zero is random too."""
    assert job.output is not None
    torch.manual_seed(0)
    state = build_sam(SAM_VIT_B).state_dict()
    for tensor in state.values():
        if tensor.is_floating_point() and not tensor.any():
            tensor.normal_(std=0.02)
    torch.save(state, job.output)
    return {}


@without_tf32()
def _time(job: Job, encoder: nn.Module, sam: Sam) -> dict[str, Any]:
    """Time passes of one frame and keep the features."""
    device = torch.device(job.device)
    sam.to(device).eval()
    pixels = _frame(sam)
    wait = torch.cuda.synchronize if device.type == "cuda" else torch.cpu.synchronize
    with torch.inference_mode(), autocast(device, job.precision):  # type: ignore[arg-type]
        for _ in range(job.warmup):
            features = encoder(pixels)
        wait()
        start = time.perf_counter()
        for _ in range(job.images):
            features = encoder(pixels)
        wait()
        seconds = (time.perf_counter() - start) / job.images
    if job.output is not None:
        np.savez(Path(job.output), features=features.float().cpu().numpy())
    return {"seconds": seconds}


def _frame(sam: Sam) -> Tensor:
    """Return a picture as the encoder sees it, float32 ``[1, 3, S, S]``."""
    height, width = PICTURE[:2]
    size = sam.image_encoder.img_size
    frame = Frame(height, width, size, size // 4)
    image = torch.from_numpy(draw_blobs(PICTURE)[0]).permute(2, 0, 1).to(sam.pixel_mean.device)
    return frame.pad((frame.resize_image(image) - sam.pixel_mean) / sam.pixel_std)[None]
