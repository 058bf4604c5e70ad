"""What ``results.json`` says of a run beside its scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lit_samseg.analysis import TAGS
from lit_samseg.cache import cache_use
from lit_samseg.checkpoints.trained_on import Trained
from lit_samseg.data import Folder
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.module import SamSegEvaluation
from lit_samseg.runtime.memory import peak_memory_mb
from lit_samseg.writing.pictures import written_void
from lit_samseg.writing.run_plan import RunPlan


def run_facts(
    run: RunPlan, ids: Sequence[str], seconds: float, processes: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return what ``results.json`` says of a run beside its scores.

    ``timing`` is in seconds per image of the first process, by stage; ``total`` is wall time from the first image on.
    ``resumed`` is how many images an interrupted run had finished, which are in the scores and not in the times.
    ``cache`` counts what the first process found and computed, since neither stage then says how fast a network is.
    """
    data, module, needs = run.data, run.module, run.module.needs
    void = written_void(module.baseline, data)
    images = max(1, round(processes[run.processes.rank]["images"]))
    stages = module.timer.seconds() | {"total": seconds}
    return {
        "dataset": {
            "name": data.name,
            "split": data.split,
            "num_classes": data.num_classes,
            "class_names": list(data.class_names),
            "ignore_index": data.ignore_index,
            "ids": list(ids),
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
        **({"gate": _trained(needs.gate, needs.gate_file)} if needs.gate else {}),
        **({"memory": _trained(needs.memory, needs.memory_file)} if needs.memory else {}),
        **({"text": _words(needs, module, stages, images)} if needs.concepts is not None else {}),
        "cache": cache_use(module.baseline, module.sam, needs.concepts),
        "tags": [*TAGS, "clean"] if module.analysis is not None and module.analysis.rows else [],
        "device": device_name(run.device),
        "world_size": run.processes.count,
        "resumed": len(data.finished),
        "processes": [dict(process) | {"images": round(process["images"])} for process in processes],
        "timing": {stage: s / images for stage, s in stages.items()},
        "peak_memory_mb": peak_memory_mb(run.device),
    }


def _words(needs: RowNeeds, module: SamSegEvaluation, stages: Mapping[str, float], images: int) -> dict[str, Any]:
    """Return who answered by words, to how many phrases, and what that cost."""
    assert needs.concepts is not None, "asked by the caller"
    phrases = module.predictor.phrases_asked
    return {
        "name": needs.concepts.name,
        "checkpoint": needs.concepts.checkpoint,
        "sha256": needs.concepts.sha256,
        "precision": needs.concepts.precision,
        "needs_truth": needs.concepts.needs_truth,
        "phrases": phrases / images,
        "seconds_per_phrase": stages.get("words", 0.0) / phrases if phrases else None,
        **({"calibration": _trained(needs.calibration, needs.calibration_file)} if needs.calibration else {}),
    }


def _trained(trained: Trained, file: str | None) -> dict[str, Any]:
    return {"file": file, "sha256": trained.sha256, "images": len(trained.trained_on)}


def device_name(device: torch.device) -> str:
    """Return a device's name for the record."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
