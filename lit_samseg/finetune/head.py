"""Training of a convolutional memory: a light head on SAM's features learns classes from training images."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines import Baseline
from lit_samseg.data import Sample
from lit_samseg.data.training import TrainingSamples
from lit_samseg.data.workers import make_loader
from lit_samseg.errors import InputError
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.finetune.crops import Crops
from lit_samseg.finetune.kept_planes import KeptPlanes
from lit_samseg.finetune.memory_training import MemoryTraining, example_of
from lit_samseg.finetune.unseen_images import count_labels
from lit_samseg.refine import ConvolutionalMemory, RowText
from lit_samseg.refine.cells import sample_nearest
from lit_samseg.refine.convolutional_memory import LEAST_WIDTH
from lit_samseg.sam import PromptableSegmenter


class HeadFinetune(MemoryTraining):
    """Train a light convolutional head on SAM's features, for rows with ``memory``.

    SAM and the baseline stay as they are. Each step looks at a part of each image of its batch, mirrored or not and in
    other colours, and the head learns the classes of its cells by cross-entropy, in which rare classes count more by
    the root of their rarity. What SAM sees of an image is computed once and kept. Before the first step it is counted
    on all training images which classes the baseline takes for which.

    Everything that is drawn depends on the seed, the epoch and the image alone (and on how often a balance drew it).

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        variants: Rows to validate with; one has ``memory``.
        width: Channels of the head's coarsest level; the time of a step grows with its square.
        crop: Share of an image's sides that a step sees; 1 is the whole image.
        flip: How many of the parts are mirrored, 0 to 1.
        colour: How far brightness and contrast may be from what they are, 0 to 1.
        dropout: Share of the embedding's channels, and of the coarsest level's, that is left out in training.
        lr: Learning rate of the default optimiser, AdamW; it rises over the first twentieth of the steps and falls as a
            cosine. Other ones by ``--optimizer`` and ``--lr_scheduler``.
        weight_decay: Of the default optimiser.
        seed: Of all that is drawn.
        unseen: Which classes the baseline takes for which is counted on the images of the validation's split in this
            text file, ids one a line, and not on the training images: on images that the baseline was not trained on.
            They are neither in ``data.ids`` nor can they be evaluated on later. None counts on the training images.
        cache_dir: Keep what SAM sees of images in this folder, for other runs too. None keeps it for the run.
        cache_max_gb: Size of that folder in GB.
        class_names: The data set's; linked on the command line, as are the next two.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Raises:
        InputError: An option is out of range, or no row has ``memory``.
    """

    memory: ConvolutionalMemory

    def __init__(
        self,
        baseline: Baseline,
        sam: PromptableSegmenter,
        variants: list[RowText] = ["none@memory"],  # noqa: B006 (jsonargparse shows it in --help; never changed)
        width: int = 96,
        crop: float = 0.6,
        flip: float = 0.5,
        colour: float = 0.25,
        dropout: float = 0.1,
        lr: float = 2e-3,
        weight_decay: float = 1e-2,
        seed: int = 0,
        unseen: str | None = None,
        cache_dir: str | None = None,
        cache_max_gb: float = 20.0,
        class_names: tuple[str, ...] = (),
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        if width < LEAST_WIDTH or not 0 < crop <= 1:
            raise InputError(
                f"model.width is {width} ({LEAST_WIDTH} or more), model.crop {crop} (above 0, and 1 at most)"
            )
        if not (0 <= flip <= 1 and 0 <= colour <= 1 and 0 <= dropout < 1):
            raise InputError(
                f"model.flip is {flip}, model.colour {colour}, model.dropout {dropout}; all are in 0..1, and dropout "
                "below 1"
            )
        _, _, embedding, features = example_of(sam)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            memory = ConvolutionalMemory(
                class_names, len(embedding), 0 if features is None else len(features), width, sam.features_sha256
            )
        super().__init__(
            *(memory, unseen, baseline, sam, variants, lr, weight_decay, class_names, background, ignore_index),
            needs=RowNeeds(memory=memory),
        )
        self.memory, self.seed, self.dropout = memory, seed, dropout
        self.crops = Crops(crop, flip, colour)
        self.cache_dir, self.cache_max_gb = cache_dir, cache_max_gb

    def setup(self, stage: str) -> None:
        """Have what SAM sees of images kept, from the first epoch on."""
        if self.sam.identity is None:
            store = self.open_store(self.cache_dir, self.cache_max_gb)
        else:
            store, _ = self.keep_embeddings(self.cache_dir, self.cache_max_gb)
        self.planes = KeptPlanes(self.evaluation.predictor.sam, store)

    def on_train_start(self) -> None:
        """Count what the baseline confuses, and have the memory be believed as far as its training balances classes."""
        counted = self._count()
        self.know_labels(counted)
        self.memory.slope.fill_(1.0)
        self.memory.offset.copy_(self.memory.uncalibrated())

    @torch.inference_mode()
    def _count(self) -> Tensor:
        """Count labels (`count_labels`) on all training images, each as it is; each process looks at its share."""
        classes, trainer = len(self.memory.class_names), self.trainer
        loader: Any = trainer.train_dataloader
        data: TrainingSamples = loader.dataset
        own = [(position, 0) for position in range(trainer.global_rank, len(data), trainer.world_size)]
        counts = torch.zeros(classes, classes, dtype=torch.int64, device=self.device)
        for batch in make_loader(data, loader.batch_size, loader.num_workers, own):
            for sample in trainer.datamodule.on_before_batch_transfer(batch, 0):  # type: ignore[attr-defined]
                sample = sample.on(self.device)
                context = self.evaluation.predictor.set_image(sample.image, name=sample.id)
                counts += count_labels(
                    self.target(sample), context.label_map, context.frame, classes, self.ignore_index
                )
        whole: Tensor = trainer.strategy.reduce(counts, reduce_op="sum")
        return whole

    def training_step(self, batch: list[Sample], batch_idx: int) -> Tensor:
        """Return the mean loss of the batch's images."""
        return self.joined(self._loss(sample) for sample in batch)

    def _loss(self, sample: Sample) -> Tensor | None:
        # An image that comes again in an epoch is seen otherwise.
        again = [sample.turn] if sample.turn else []
        rng = np.random.default_rng([self.seed, self.current_epoch, sample.position, *again])
        frame = self.evaluation.predictor.sam.frame(sample.image)
        classes = sample_nearest(self.target(sample), frame)
        planes, classes = self.crops.draw(self.planes(sample.image), classes, rng)
        # On the CPU, and not the process's own: the same channels are left out everywhere, and in a run that goes on.
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        known = (classes != self.ignore_index).sum()
        if not known:
            return None
        logits = self.memory(planes, self.dropout, generator)
        # Classes as frequent as in training have a mean weight of 1: an image of rare ones counts more.
        weights = self.memory.balance()
        weights = weights / (weights * self.memory.log_shares().exp()).sum()
        total = F.cross_entropy(logits[None], classes[None], weights, ignore_index=self.ignore_index, reduction="sum")
        return total / known
