"""What is known of a run before its first image."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import yaml

from lit_samseg.data import SegmentationDataModule
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.journal import identity_of_run
from lit_samseg.module import SamSegEvaluation
from lit_samseg.runtime.shard import Shard
from lit_samseg.writing.processes import OneProcess, Processes


def _words_of(needs: RowNeeds) -> dict[str, str | None]:
    """Return what decides the answers to phrases; nothing where nobody is asked, as before there were any."""
    if needs.concepts is None or needs.words is None:
        return {}
    calibration = needs.calibration.sha256 if needs.calibration else None
    return {
        "concepts": needs.concepts.identity or needs.concepts.sha256,
        "phrases": needs.words.asked,
        "calibration": calibration,
    }


@dataclass(frozen=True)
class RunPlan:
    """A run that is about to begin: what computes it, of which images, and where it is written.

    Attributes:
        command: ``test`` or ``predict``.
        output_dir: The run's folder, which is there; the same on every process.
        config: The full configuration as YAML, enough to run it again.
        data: The data set, whose ids are chosen.
        module: The evaluation.
        device: Where this process computes.
        processes: Those that share the images.
        stopped_by: The option that has the run stop before its last image; None for a whole run.
        shard: The share of the images that this command evaluates, and leaves in the journal; None for all of them.
    """

    command: Literal["test", "predict"]
    output_dir: Path
    config: str
    data: SegmentationDataModule
    module: SamSegEvaluation
    device: torch.device
    processes: Processes = field(default_factory=OneProcess)
    stopped_by: str | None = None
    shard: Shard | None = None

    @property
    def is_first(self) -> bool:
        """Whether this is the first process, which alone writes what there is one of."""
        return self.processes.rank == 0

    @property
    def is_whole(self) -> bool:
        """Whether the run is over all its images."""
        return self.stopped_by is None

    def inputs(self, image_id: str) -> list[Path]:
        """Return the files that an image is evaluated from."""
        images = self.data.source.files(image_id, with_target=self.command == "test")
        return [*images, *self.module.baseline.files(image_id)]

    def classes(self) -> set[type]:
        """Return the classes whose code decides the run's numbers."""
        return {type(self.data), type(self.data.source)} | self.module.classes()

    def identity(self) -> dict[str, Any]:
        """Return what decides the run's numbers, see `lit_samseg.journal.identity_of_run`."""
        module = self.module
        baseline, sam, needs = module.baseline, module.sam, module.needs
        weights = {
            "baseline": baseline.identity or baseline.sha256,
            "sam": sam.identity or sam.sha256,
            "adapter": sam.adapter.sha256 if sam.adapter else None,
            "gate": needs.gate.sha256 if needs.gate else None,
            "memory": needs.memory.sha256 if needs.memory else None,
            **_words_of(needs),
        }
        config = yaml.safe_load(self.config)
        known = (self.command, config, weights, self.data.ids, self.device, self.classes())
        return identity_of_run(*known, together=self.data.batch_size)
