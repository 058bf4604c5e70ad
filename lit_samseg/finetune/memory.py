"""Training of a memory of features: classes are told by what SAM sees of training images."""

import numpy as np
import torch
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.finetune.fitted import FittedNetwork
from lit_samseg.finetune.memory_fit import Cells, Recipe, calibrate_memory, fit_memory, joined
from lit_samseg.finetune.memory_training import MemoryTraining, example_of
from lit_samseg.finetune.unseen_images import count_labels
from lit_samseg.refine import CellMemory, RowText
from lit_samseg.refine.cells import sample_nearest
from lit_samseg.refine.seen_cells import see_cells, seen_at
from lit_samseg.sam import PromptableSegmenter

MOST_CELLS = 300_000
"""So many cells of all images are kept for the fit, 1.6 kB each with MobileSAM's features."""


class MemoryFinetune(MemoryTraining, FittedNetwork[tuple[Cells, Tensor]]):
    """Fit a small network that tells classes by SAM's features, for rows with ``memory``.

    SAM and the baseline stay as they are. Some cells of SAM's grid are drawn from each training image, those of rare
    classes more often. At the end of each epoch a network is fitted to all cells so far, so that one epoch is enough,
    and more make sense with more views. How far it can be believed is measured on images that are left out of further
    fits. What the baseline says is counted, so that it is known which classes it mixes up.

    Everything that is drawn depends on the seed, the view and the image alone.

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        variants: Rows to validate with; one has ``memory``.
        hidden: Width of the network's hidden layer.
        cells: Most cells of an image.
        epochs: How often the fit sees each cell.
        folds: Parts that training images are cut into, in their order, to measure how far the memory can be believed.
        lr: AdamW's largest learning rate.
        weight_decay: AdamW's.
        dropout: Share of the hidden layer that is left out in the fit.
        seed: Of all that is drawn.
        unseen: Which classes the baseline takes for which is counted on the images of the validation's split in this
            text file, ids one a line, and not on the training images: on images that the baseline was not trained on.
            They are neither in ``data.ids`` nor can they be evaluated on later. None counts on the training images.
        cache_dir: Keep embeddings in this folder, for other runs too. None keeps them for the run.
        cache_max_gb: Size of that folder in GB.
        class_names: The data set's; linked on the command line, as are the next two.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Raises:
        InputError: An option is out of range, or no row has ``memory``.
    """

    memory: CellMemory

    def __init__(
        self,
        baseline: Baseline,
        sam: PromptableSegmenter,
        variants: list[RowText] = ["none@memory"],  # noqa: B006 (jsonargparse shows it in --help; never changed)
        hidden: int = 128,
        cells: int = 700,
        epochs: int = 6,
        folds: int = 4,
        lr: float = 2e-3,
        weight_decay: float = 1e-2,
        dropout: float = 0.2,
        seed: int = 0,
        unseen: str | None = None,
        cache_dir: str | None = None,
        cache_max_gb: float = 20.0,
        class_names: tuple[str, ...] = (),
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        if min(hidden, cells, epochs) < 1 or folds < 2 or not 0 <= dropout < 1:
            raise InputError(
                "model.hidden, cells and epochs are 1 or more, folds 2 or more, dropout is 0 or more and below 1"
            )
        seen = see_cells(*example_of(sam))
        memory = CellMemory(class_names, len(seen.coarse), len(seen.fine), hidden, sam.features_sha256)
        super().__init__(
            *(memory, unseen, baseline, sam, variants, lr, weight_decay, class_names, background, ignore_index),
            needs=RowNeeds(memory=memory),
        )
        self.memory, self.cells, self.folds = memory, cells, folds
        self.recipe = Recipe(epochs, lr, weight_decay, dropout, seed)
        self.cache_dir, self.cache_max_gb = cache_dir, cache_max_gb

    def look(self, sample: Sample) -> tuple[Cells, Tensor]:
        """Return some cells of an image, and how often the baseline gives each label in places of each class."""
        target, count = self.target(sample), len(self.memory.class_names)
        context = self.evaluation.predictor.set_image(sample.image, name=sample.id, origin=sample.origin)
        seen = see_cells(sample.image, context.frame, context.embedding.features, context.features)
        classes = sample_nearest(target, context.frame).flatten()
        mixed_up = count_labels(target, context.label_map, context.frame, count, self.ignore_index)
        known = (classes != self.ignore_index).nonzero()[:, 0].cpu()
        own = classes.cpu()[known]
        likelier = torch.bincount(own, minlength=count).clamp(min=1).double().rsqrt()[own]
        likelier = likelier / likelier.mean()
        rng = np.random.default_rng([self.recipe.seed, sample.position, sample.view])
        images = max(1, len(self.trainer.datamodule.training_data.ids))  # type: ignore[attr-defined]
        most = min(self.cells, max(1, MOST_CELLS // images), len(own))
        if most == len(own):
            # None can be likelier than others where all are taken.
            likelier = torch.ones_like(likelier)
        shares = (likelier / likelier.sum()).numpy()
        some = torch.from_numpy(rng.choice(len(own), most, replace=False, p=shares) if most else np.zeros(0, np.int64))
        coarse, fine = seen_at(seen, known[some].to(classes.device))
        # Copies: what was made in inference mode cannot take part in a backward pass.
        found = Cells(coarse.half().cpu(), fine.half().cpu(), own[some], likelier[some].float())
        return found, mixed_up.cpu()

    @torch.inference_mode(False)
    def fit_to_examples(self) -> float:
        """Fit the memory, and return the loss."""
        images = [self.examples[key] for key in sorted(self.examples)]
        cells = [found for found, _ in images if len(found)]
        if not cells:
            return 0.0
        device = self.memory.mixed_up.device
        memory = self.memory.cpu()
        counted = torch.stack([mixed_up for _, mixed_up in images]).sum(0)
        self.know_labels(counted)
        calibrate_memory(memory, cells, self.folds, self.recipe)
        loss = fit_memory(memory, joined(cells), self.recipe)
        memory.to(device)
        return loss
