"""What Lightning says while a run goes on, told to the run's writers."""

from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning import Callback, LightningModule, Trainer

from lit_samseg.module import SamSegEvaluation
from lit_samseg.runtime.shard import Shard
from lit_samseg.writing import RunOutput, RunPlan, writers_of_run
from lit_samseg.writing.output_folder import prepare_output_folder

T = TypeVar("T")


class RunWriter(Callback):
    """Writes all that an evaluation leaves on disk, in ``test`` and in ``predict``; `lit_samseg.writing` does the work.

    Args:
        output_dir: The run's folder.
        config: The full configuration as YAML.
        resume: Go on with what an interrupted run left there; without it such a run is not overwritten.
        overwrite: Replace a finished run, or begin an unfinished one again.
        gallery: In ``test``: keep small pictures of every image.
        report: In ``test``: make ``report.html``.
        alone: In ``predict``: write one row, into ``refined``.
        shard: The share of the images to evaluate and leave to a run that goes on; None for all of them.
    """

    def __init__(
        self,
        output_dir: Path,
        config: str,
        resume: bool = False,
        overwrite: bool = False,
        gallery: bool = True,
        report: bool = True,
        alone: bool = False,
        shard: Shard | None = None,
    ) -> None:
        self.output_dir, self.config, self.resume, self.overwrite = output_dir, config, resume, overwrite
        self.gallery, self.report, self.alone, self.shard = gallery, report, alone, shard
        self._output: RunOutput | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the folder before anything is computed or loaded.

        Raises:
            InputError: It cannot be written, or holds what must stay.
        """
        assert isinstance(pl_module, SamSegEvaluation)
        processes = _ProcessesOf(trainer)
        # The first process decides, since a default name holds the time.
        folder = processes.broadcast(self.output_dir)
        prepare_output_folder(folder)
        run = RunPlan(
            "predict" if trainer.predicting else "test",
            folder,
            self.config,
            trainer.datamodule,  # type: ignore[attr-defined]
            pl_module,
            trainer.strategy.root_device,
            processes,
            stopping_option(trainer),
            self.shard,
        )
        writers = writers_of_run(run, self.gallery, self.report, self.alone)
        self._output = RunOutput(run, writers, self.resume, self.overwrite)
        self._output.open()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin."""
        self.output.begin()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin."""
        self.output.begin()

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add the batch's images."""
        self.output.add(batch, outputs)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add the batch's images."""
        self.output.add(batch, outputs)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Finish the last images, before the module checks its counts."""
        self.output.finish()

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Finish the last images."""
        self.output.finish()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Publish."""
        self.output.publish()

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Publish."""
        self.output.publish()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Keep what is finished, if the run came so far as to have a folder."""
        if self._output is not None:
            self._output.abort()

    @property
    def output(self) -> RunOutput:
        """The present run's."""
        assert self._output is not None, "setup comes first"
        return self._output


class _ProcessesOf:
    """The processes of a trainer."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.rank, self.count = trainer.global_rank, trainer.world_size

    def barrier(self) -> None:
        self._trainer.strategy.barrier()

    def broadcast(self, value: T) -> T:
        return self._trainer.strategy.broadcast(value)

    def gather(self, value: T) -> list[T]:
        everywhere: list[Any] = [value] * self.count
        if self.count > 1:
            torch.distributed.all_gather_object(everywhere, value)
        return everywhere


def stopping_option(trainer: Trainer) -> str | None:
    """Return the option that has a run stop before its last image, on purpose; None where there is none."""
    name = "limit_predict_batches" if trainer.predicting else "limit_test_batches"
    limit = getattr(trainer, name)
    # An int 1 is one batch, a float 1.0 is all.
    if isinstance(limit, float) and limit == 1.0:
        return None
    return "trainer.fast_dev_run" if trainer.fast_dev_run else f"trainer.{name}"  # type: ignore[attr-defined]
