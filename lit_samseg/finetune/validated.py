"""What every fine-tuning shares: it is validated as the evaluation evaluates."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from lit_samseg.baselines import Baseline, look_for_training_files
from lit_samseg.cache import CachedSegmenter, TensorStore, is_known
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.held_out import check_held_out, digests_of, trainings
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.evaluation.scalar_names import scalar_name
from lit_samseg.finetune.schedule import warm_up_and_decay
from lit_samseg.finetune.trained_weights import TrainedWeights
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import RowText
from lit_samseg.sam import PromptableSegmenter


class ValidatedModule(TrainedWeights):
    """A module that is validated with the evaluation's own rows and counts.

    Each validation logs ``val/<row>/miou`` and ``macc`` of every row, ``val/miou`` of the first row beside the baseline
    (or of the baseline, where it is the only one), and ``val/gain``, how much that is above the baseline.

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        variants: The rows, as in ``test``.
        lr: Learning rate of the default optimiser.
        weight_decay: Of the default optimiser.
        class_names: The data set's.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.
        needs: What rows need beside the networks.
        average: Part that a moving average of the weights keeps at each step; 0 for none. Where there is one, it is
            what is validated and written.

    Attributes:
        leaves: Name of what is written in the end.
        validated: What the last validation logged.

    Raises:
        InputError: An option is out of range, or a row needs a gate and there is none.
    """

    leaves: ClassVar[str] = "the trained weights"

    def __init__(
        self,
        baseline: Baseline,
        sam: PromptableSegmenter,
        variants: list[RowText],
        lr: float,
        weight_decay: float,
        class_names: tuple[str, ...],
        background: int | None,
        ignore_index: int,
        needs: RowNeeds | None = None,
        average: float = 0.0,
    ) -> None:
        super().__init__(average)
        if not lr > 0 or weight_decay < 0:
            raise InputError(f"model.lr is {lr} (above 0), model.weight_decay {weight_decay} (0 or more)")
        self.baseline, self.sam = baseline, sam
        self.evaluation = SamSegEvaluation(
            *(baseline, sam, variants), analysis=False,
            class_names=class_names, background=background, ignore_index=ignore_index,
        )  # fmt: skip
        self.evaluation.needs = needs or RowNeeds()
        self.evaluation.predictor.give(self.evaluation.needs)
        self.evaluation.check_needs()
        self.lr, self.weight_decay = lr, weight_decay
        self.background, self.ignore_index = background, ignore_index
        self.validated: dict[str, float] = {}
        self._own_folder: Path | None = None

    def keep_embeddings(self, folder: str | None, max_gb: float) -> tuple[TensorStore, CachedSegmenter]:
        """Have SAM's embeddings kept in half precision, for the validation too.

        Args:
            folder: Where other runs find them too; None keeps them for this run alone.
            max_gb: Size of that folder in GB.

        Returns:
            What keeps them, and the SAM that looks them up.
        """
        store = self.open_store(folder, max_gb)
        sam = CachedSegmenter(self.sam, store, "fp16")
        self.evaluation.sam = self.evaluation.predictor.sam = sam
        return store, sam

    def open_store(self, folder: str | None, max_gb: float) -> TensorStore:
        """Return what keeps tensors in a folder; its arguments are those of `keep_embeddings`."""
        if not max_gb > 0:
            raise InputError(f"model.cache_max_gb is {max_gb}; give a number above 0")
        if folder is None or not is_known(self.sam):
            # Of a network that others could take for another nothing is shared.
            folder = None
            # The first process's: a default name holds the time.
            self._own_folder = self.trainer.strategy.broadcast(Path(self.trainer.default_root_dir) / "frozen")
        return TensorStore(Path(folder or str(self._own_folder)).expanduser(), int(max_gb * 1e9))

    def teardown(self, stage: str) -> None:
        """Drop what was kept for this run alone."""
        if self._own_folder is not None and self.trainer.is_global_zero:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def train(self, mode: bool = True) -> "ValidatedModule":
        """Leave the networks in evaluation mode: no statistics move, and nothing is dropped."""
        super().train(False)
        self.training = mode
        return self

    def on_fit_start(self) -> None:
        """See to the arithmetic, to the baseline's files and to images that were trained on, as the evaluation does."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        look_for_training_files(self.baseline, data)
        self.check_arithmetic("the validation", "bf16")
        digests = digests_of(self.trainer, data)
        check_held_out(data, digests, trainings(self.baseline, self.sam, self.evaluation.needs))
        self.images.begin(self.trainer, data.training_data, digests)

    def weights_by_rate(self) -> list[dict[str, Any]]:
        """Return what is trained in groups, as PyTorch's optimisers take them; those with ``lr`` have their own."""
        return [{"params": list(self.trained_weights().values())}]

    def configure_optimizers(self) -> Any:
        """AdamW; the rate rises for a twentieth of the steps and falls as a cosine. ``--optimizer`` takes its place."""
        optimizer = torch.optim.AdamW(self.weights_by_rate(), lr=self.lr, weight_decay=self.weight_decay)
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_up_and_decay(step, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def joined(self, losses: Iterable[Tensor | None]) -> Tensor:
        """Return the mean loss of a step's images and log it.

        Args:
            losses: One for each image; None, which counts as 0, for one of which nothing can be learnt.
        """
        each = list(losses)
        images, known = max(1, len(each)), [loss for loss in each if loss is not None]
        # Every trained weight takes part in each step, as processes that train together expect.
        nothing = torch.stack([weight.sum() for weight in self.trained_weights().values()]).sum() * 0.0
        loss = torch.stack(known).sum() / images + nothing if known else nothing
        self.log("train/loss", loss, batch_size=images, prog_bar=True, on_epoch=True, sync_dist=True)
        return loss

    def target(self, sample: Sample) -> Tensor:
        """Return a training image's ground truth, int64 ``[H, W]``."""
        if sample.target is None:
            raise InputError(f"image {sample.id} has no ground truth to learn from")
        return sample.target.long()

    def on_validation_epoch_start(self) -> None:
        """Forget the last validation's counts, and validate the average."""
        self.swap_average()
        self.evaluation.scoring.forget()
        self.evaluation.scoring.begin()

    def validation_step(self, batch: list[Sample], batch_idx: int) -> None:
        """Evaluate as ``test`` does."""
        self.evaluation.evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the rows' scores, and go back to the weights that are trained."""
        self.swap_average()
        self.evaluation.scoring.check()
        scores = self.evaluation.scoring.scores()
        first = scores[self.evaluation.rows[1 if len(scores) > 1 else 0]]
        values = {"val/miou": first.miou, "val/gain": first.miou - scores["baseline"].miou}
        for row, score in scores.items():
            values |= {f"val/{scalar_name(row)}/miou": score.miou, f"val/{scalar_name(row)}/macc": score.macc}
        self.validated = {name: float(value) for name, value in values.items()}
        self.log_dict(self.validated, sync_dist=True)
