"""This package, as its command line runs it: data module, Lightning module, Trainer."""

import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from torch.profiler import ProfilerActivity, profile

from lit_samseg.metrics import score
from lit_samseg.module import SamSegEvaluation
from lit_samseg.sam import SegmentAnything

from .clock import Clock
from .job import Job
from .memory import MemoryMeter
from .words import load_concepts
from .worlds import load_baseline, load_data, put_warm_up_first


class Watch(Callback):
    """Starts the clock after the warm-up and stops it after the last image.

    Args:
        job: What is timed.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.seen = 0
        self.profiler = profile(activities=[ProfilerActivity.CUDA]) if job.profile else None
        self.result: dict[str, Any] = {}
        self.maps: dict[str, torch.Tensor] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put the warm-up first; the data module has chosen its images by now."""
        put_warm_up_first(trainer.datamodule, self.job.warmup)  # type: ignore[attr-defined]

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the memory with the networks in it."""
        assert isinstance(pl_module, SamSegEvaluation)
        self.clock = Clock(pl_module.timer, pl_module.device)
        self.memory = MemoryMeter(pl_module.device)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Start or stop; the warm-up is whole batches."""
        timed = self.seen >= self.job.warmup
        self.seen += len(batch)
        if self.seen in (self.job.warmup, self.job.warmup + self.job.images) and hasattr(pl_module, "counting"):
            # An image is done when it is counted too; versions before count it in turn.
            pl_module.counting.finish()
        if self.seen == self.job.warmup:
            if self.profiler is not None:
                self.profiler.start()
            self.clock.start()
        elif self.seen == self.job.warmup + self.job.images:
            self.result = self.clock.stop(self.job.images) | self.memory.megabytes()
            if self.profiler is not None:
                self.profiler.stop()
                self.result["busy"] = _busy(self.profiler) / self.job.images
        if timed and self.job.output is not None:
            # As small as labels can be, and on a GPU without waiting for it.
            self.maps |= {f"{m.id}|{row}": labels.to(torch.uint8) for m in outputs for row, labels in m.rows.items()}


def _busy(profiler: profile) -> float:
    """Return the seconds for which kernels and copies ran."""
    return sum(event.self_device_time_total for event in profiler.key_averages()) / 1e6


def run_ours(job: Job) -> dict[str, Any]:
    """Time the evaluation."""
    # What the command line silences too.
    warnings.filterwarnings("ignore")
    cache = {}
    if job.cache_dir is not None:
        if "cache_dir" not in inspect.signature(SamSegEvaluation).parameters:
            return {"skipped": "this version keeps no cache of encoded images"}
        cache["cache_dir"] = job.cache_dir
    data = load_data(job)
    module = SamSegEvaluation(
        load_baseline(job),
        SegmentAnything(job.sam, job.precision),  # type: ignore[arg-type]
        variants=list(job.variants),
        analysis=False,
        class_names=data.class_names,
        background=data.background,
        ignore_index=data.ignore_index,
        concepts=load_concepts(job),
        **cache,
    )
    watch = Watch(job)
    trainer = Trainer(
        accelerator="gpu" if job.device == "cuda" else "cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        callbacks=[watch],
    )
    trainer.test(module, data, verbose=False)
    if job.output is not None:
        np.savez_compressed(Path(job.output), **{name: labels.cpu().numpy() for name, labels in watch.maps.items()})
    return watch.result | {"miou": _scores(module, job.warmup)}


def _scores(module: SamSegEvaluation, warmup: int) -> dict[str, float]:
    """Return each row's mIoU over the timed images."""
    positions, counts = module.scoring.pixels()
    timed = np.array(positions) >= warmup
    return {row: score(c[:, timed]).miou for row, c in zip(module.rows, counts, strict=True)}
