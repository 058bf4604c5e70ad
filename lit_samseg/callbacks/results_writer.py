"""Writes a finished run's files."""

import time
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from lit_samseg.analysis import TAGS
from lit_samseg.cache import cache_use
from lit_samseg.callbacks.gathered_run import gather_evidence
from lit_samseg.callbacks.limits import is_whole, limiting_option
from lit_samseg.callbacks.output_folder import prepare_output_folder
from lit_samseg.callbacks.picture_writer import written_void
from lit_samseg.checkpoints.trained_on import Trained
from lit_samseg.data import Folder, SegmentationDataModule
from lit_samseg.data.understanding import TruthAreas, facts_of
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.results.layout import REPORT
from lit_samseg.results.numbers import finite
from lit_samseg.results.other_metrics import describe_metrics, score_metrics
from lit_samseg.results.record import RunRecord, provenance
from lit_samseg.results.run_tables import tables_of_run
from lit_samseg.results.text_table import write_tables
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.runtime.memory import peak_memory_mb


class ResultsWriter(Callback):
    """At the end of a test, the first process writes the run's files.

    Nothing is written under a final name before, so a run that dies leaves the files of an earlier one alone.

    Args:
        output_dir: The run's folder.
        config: The full configuration as YAML, enough to run it again.

    Attributes:
        results: What ``results.json`` holds, on the first process once all files are written.
    """

    def __init__(self, output_dir: Path, config: str) -> None:
        self.output_dir = output_dir
        self.config = config
        self._start = 0.0
        self._images = 0
        self._processes: list[dict[str, float]] = []
        self.results: dict[str, Any] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find out that the folder cannot be written before hours of work, not after."""
        self.output_dir = prepare_output_folder(trainer, self.output_dir)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._start, self._images = time.perf_counter(), 0

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count this process's images."""
        self._images += len(batch)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait for the other processes, and take down how long each had to."""
        done = time.perf_counter()
        trainer.strategy.barrier()
        facts = {"images": self._images, "seconds": done - self._start, "waited": time.perf_counter() - done}
        facts |= {f"peak_mb_{kind}": megabytes for kind, megabytes in peak_memory_mb(pl_module.device).items()}
        gathered = pl_module.all_gather(torch.tensor(list(facts.values()), device=pl_module.device))
        assert isinstance(gathered, torch.Tensor)
        self._processes = [dict(zip(facts, own, strict=True)) for own in gathered.reshape(-1, len(facts)).tolist()]

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the counts; on the first process write."""
        assert isinstance(pl_module, SamSegEvaluation)
        seconds = time.perf_counter() - self._start
        data = trainer.datamodule  # type: ignore[attr-defined]
        void_share = pl_module.scoring.void_share.compute()
        evidence = gather_evidence(pl_module, data.ids, data.class_names)
        if not evidence.ids and data.skipped:
            raise InputError(f"none of the {len(data.ids)} images can be read; {next(iter(data.skipped.values()))}")
        # By id, not by number: twice is refused where the counts are gathered.
        if is_whole(trainer) and sorted([*evidence.ids, *data.skipped]) != data.ids:
            raise RuntimeError(f"{len(evidence.ids)} of {len(data.ids)} images were evaluated")
        if not trainer.is_global_zero:
            return
        facts = provenance() | run_facts(trainer, pl_module, data, list(evidence.ids), seconds, self._processes)
        facts["dataset"] |= {"void_share": finite(void_share)}
        if len(evidence.ids) + len(data.skipped) < len(data.ids):
            facts["partial"] = {"of": len(data.ids), "option": limiting_option(trainer)}
        areas = evidence.counts[0, 1].sum(axis=0)
        facts["dataset"] |= facts_of(data, TruthAreas(len(evidence.ids), areas, finite(void_share)))
        others = pl_module.scoring.others
        facts |= {"metrics": describe_metrics(others)} if others else {}
        record = RunRecord(evidence, data.class_names, facts, score_metrics(others, evidence))
        # An earlier run's report is not of these results, and a new one may not come to be.
        (self.output_dir / REPORT).unlink(missing_ok=True)
        with atomic_file(self.output_dir / "config.yaml") as path:
            path.write_text(self.config, encoding="utf-8")
        results = record.write(self.output_dir)
        write_tables(tables_of_run(results), self.output_dir, "tables")
        self.results = results


def run_facts(
    trainer: Trainer,
    module: SamSegEvaluation,
    data: SegmentationDataModule,
    ids: list[str],
    seconds: float,
    processes: list[dict[str, float]],
) -> dict[str, Any]:
    """Return what ``results.json`` says of a run beside its scores.

    ``timing`` is in seconds per image of the first process, by stage; ``total`` is wall time from the first image on.
    ``resumed`` is how many images an interrupted run had finished, which are in the scores and not in the times.
    ``cache`` counts what the first process found and computed, since neither stage then says how fast a network is.
    """
    void = written_void(module.baseline, data)
    images = max(1, round(processes[trainer.global_rank]["images"]))
    stages = module.timer.seconds() | {"total": seconds}
    return {
        "dataset": {
            "name": data.name,
            "split": data.split,
            "num_classes": data.num_classes,
            "class_names": list(data.class_names),
            "ignore_index": data.ignore_index,
            "ids": ids,
            **({"label_values": data.label_values} if isinstance(data, Folder) else {}),
            "skipped": [{"id": image_id, "error": error} for image_id, error in data.skipped.items()],
        },
        "baseline": {
            "name": module.baseline.name,
            "checkpoint": module.baseline.checkpoint,
            "sha256": module.baseline.sha256,
        }
        | ({} if void is None else {"void": void}),
        "sam": {
            "name": module.sam.name,
            "checkpoint": module.sam.checkpoint,
            "sha256": module.sam.sha256,
            "precision": module.sam.precision,
        }
        | ({"adapter": _trained(module.sam.adapter, module.sam.adapter_file)} if module.sam.adapter else {}),
        **({"gate": _trained(module.gate, module.gate_file)} if module.gate else {}),
        "cache": cache_use(module.baseline, module.sam),
        "tags": [*TAGS, "clean"] if module.analysis is not None else [],
        "device": device_name(module.device),
        "world_size": trainer.world_size,
        "resumed": len(data.finished),
        "processes": [process | {"images": round(process["images"])} for process in processes],
        "timing": {stage: s / images for stage, s in stages.items()},
        "peak_memory_mb": peak_memory_mb(module.device),
    }


def _trained(trained: Trained, file: str | None) -> dict[str, Any]:
    return {"file": file, "sha256": trained.sha256, "images": len(trained.trained_on)}


def device_name(device: torch.device) -> str:
    """Return a device's name for the record."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
