"""The image encoder alone: ours against the official one, on the same frame."""

import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.known_weights import resolve_checkpoint
from lit_samseg.sam.official.architecture import SAM_VIT_B, SAM_VIT_H, build_sam
from lit_samseg.sam.official.checkpoint import load_sam
from lit_samseg.sam.precision import autocast

from .blobs import draw_blobs
from .job import Job
from .suites import RANDOM_SAMS

PICTURE = (375, 500, 20, 21)
_RANDOM = dict(zip(RANDOM_SAMS.values(), (SAM_VIT_B, SAM_VIT_H), strict=True))


def run_official(job: Job) -> dict[str, Any]:
    """Time the official module in fp32."""
    _, sam = load_sam(resolve_checkpoint(job.sam))
    return _time(job, sam.image_encoder, sam, flops_of(sam.image_encoder))


def run_ours(job: Job) -> dict[str, Any]:
    """Time the encoder that `SegmentAnything` uses."""
    flops = flops_of(load_sam(resolve_checkpoint(job.sam))[1].image_encoder)
    sam = SegmentAnything(job.sam, job.precision)  # type: ignore[arg-type]
    encoder = torch.compile(sam.model.image_encoder) if job.compile else sam.model.image_encoder
    return _time(job, encoder, sam.model, flops)


def write_random_sam(job: Job) -> dict[str, Any]:
    """Write a SAM of random weights to the job's output; what the network starts with at zero is random too."""
    assert job.output is not None
    torch.manual_seed(0)
    state = build_sam(_RANDOM[Path(job.output).name]).state_dict()
    for tensor in state.values():
        if tensor.is_floating_point() and not tensor.any():
            tensor.normal_(std=0.02)
    torch.save(state, job.output)
    return {}


def flops_of(official: Any) -> int:
    """Return the operations of an official encoder on a frame, two for a product and its sum; nothing is computed.

    Ours does the same work with fused kernels, not all of which are counted.
    """
    encoder = copy.deepcopy(official).to("meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        encoder(torch.empty(1, 3, encoder.img_size, encoder.img_size, device="meta"))
    return int(counter.get_total_flops())


@without_tf32()
def _time(job: Job, encoder: nn.Module, sam: Sam, flops: int) -> dict[str, Any]:
    """Time passes of a batch of one frame, by frame, and keep the features."""
    device = torch.device(job.device)
    sam.to(device).eval()
    pixels = _frame(sam).expand(job.batch, -1, -1, -1).contiguous()
    wait = torch.cuda.synchronize if device.type == "cuda" else torch.cpu.synchronize
    with torch.inference_mode(), autocast(device, job.precision):  # type: ignore[arg-type]
        for _ in range(job.warmup):
            features = encoder(pixels)
        wait()
        start = time.perf_counter()
        for _ in range(job.images):
            features = encoder(pixels)
        wait()
        seconds = (time.perf_counter() - start) / (job.images * job.batch)
    if job.output is not None:
        np.savez(Path(job.output), features=features[:1].float().cpu().numpy())
    return {"seconds": seconds, "flops": flops}


def _frame(sam: Sam) -> Tensor:
    """Return a picture as the encoder sees it, float32 ``[1, 3, S, S]``."""
    height, width = PICTURE[:2]
    size = sam.image_encoder.img_size
    frame = Frame(height, width, size, size // 4)
    image = torch.from_numpy(draw_blobs(PICTURE)[0]).permute(2, 0, 1).to(sam.pixel_mean.device)
    return frame.pad((frame.resize_image(image) - sam.pixel_mean) / sam.pixel_std)[None]
