"""What is fitted at once, to examples taken from all training images, and not step by step."""

from abc import abstractmethod
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from lit_samseg.data import Sample
from lit_samseg.data.training import ViewSampler
from lit_samseg.data.workers import make_loader
from lit_samseg.errors import InputError
from lit_samseg.finetune.one_network import OneNetwork
from lit_samseg.finetune.validated import ValidatedModule

E = TypeVar("E")


class FittedModule(ValidatedModule, Generic[E]):
    """A module that takes examples from each training image, and is fitted to all of them at the end of each epoch.

    One epoch is enough, and more make sense with more views.

    Attributes:
        cache_dir: Where embeddings are kept for other runs too; None keeps them for the run.
        cache_max_gb: Size of that folder in GB.
        examples: What was taken so far, by an image's position and view.
    """

    cache_dir: str | None
    cache_max_gb: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The fit is an affair of its own; by weights with gradients Lightning sees that something is trained.
        self.automatic_optimization = False
        self.examples: dict[tuple[int, int], E] = {}
        self._is_new = False

    @abstractmethod
    def look(self, sample: Sample) -> E:
        """Take examples from a training image; they are kept on the CPU."""

    @abstractmethod
    def fit_to_examples(self) -> Tensor | float:
        """Fit to `examples`, those of all processes, and return the loss."""

    def on_fit_start(self) -> None:
        """See that examples are taken from all images.

        Raises:
            InputError: Images would be drawn as classes are rare, and some not at all.
        """
        super().on_fit_start()
        if self.trainer.datamodule.training.balance:  # type: ignore[attr-defined]
            raise InputError(
                f"data.training.balance is for trainings step by step; {type(self).__name__} is fitted to every image, "
                "leave it out"
            )

    def setup(self, stage: str) -> None:
        """Have embeddings kept, if it is known what they depend on: the validation wants its own twice."""
        if self.sam.identity is not None:
            self.keep_embeddings(self.cache_dir, self.cache_max_gb)

    def configure_optimizers(self) -> Any:
        """One that changes nothing: Lightning counts its steps, and saves no checkpoint where there are none."""
        return torch.optim.SGD(list(self.trained_weights().values()), lr=0.0)

    def on_train_start(self) -> None:
        """In a training that goes on, take again what examples its first part had taken and its checkpoint lacks."""
        loop = self.trainer.fit_loop
        # Of an epoch that was begun, the rest is taken in turn.
        begun = loop.epoch_loop.batch_progress.current.ready > 0
        loader: Any = self.trainer.train_dataloader
        if not isinstance(loader.sampler, ViewSampler):
            return
        drawn: list[tuple[int, ...]] = []
        for epoch in range(self.trainer.current_epoch + begun):
            loader.sampler.set_epoch(epoch)
            most = self.trainer.num_training_batches * loader.batch_size
            drawn += [item for n, item in enumerate(loader.sampler) if n < most]
        missing = [item for item in dict.fromkeys(drawn) if item not in self.examples]
        if not missing:
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        for batch in make_loader(loader.dataset, loader.batch_size, loader.num_workers, missing):
            own = [sample.on(self.device) for sample in data.on_before_batch_transfer(batch, 0)]
            self.images.see(own)
            self._take(own)

    def training_step(self, batch: list[Sample], batch_idx: int) -> None:
        """Take examples from the batch's images."""
        self._take(batch)
        self._is_new = True
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list), "one is configured"
        optimizer.step()

    def _take(self, samples: list[Sample]) -> None:
        with torch.inference_mode():
            for sample in samples:
                self.examples[sample.position, sample.view] = self.look(sample)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Fit at the end of the epoch, before the validation."""
        if self.trainer.is_last_batch and (loss := self._fit()) is not None:
            self.log("train/loss", loss, on_step=True, on_epoch=True, batch_size=1, prog_bar=True)

    def on_validation_epoch_start(self) -> None:
        """Fit to what there is, in the middle of an epoch too."""
        super().on_validation_epoch_start()
        if not self.trainer.sanity_checking:
            self._fit()

    def on_train_end(self) -> None:
        """Fit to what there is, where the training ended in the middle of an epoch."""
        self._fit()

    def _fit(self) -> Tensor | float | None:
        """Fit to the examples of all processes if there are new ones; return the loss."""
        if not self._is_new:
            return None
        self._is_new = False
        if self.trainer.world_size > 1:
            # Every process has all, in whatever order they came.
            everywhere: list[Any] = [None] * self.trainer.world_size
            torch.distributed.all_gather_object(everywhere, self.examples)
            self.examples = {key: own for examples in everywhere for key, own in examples.items()}
        return self.fit_to_examples()


class FittedNetwork(OneNetwork, FittedModule[E]):
    """A fit whose outcome is one small network, which is all that a checkpoint has: examples are taken anew."""
