"""Fine-tuning of a promptable segmenter, so that it mends what this baseline gets wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.checkpoints.adapter import Adapter
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.finetune.frozen_views import FrozenViews
from lit_samseg.finetune.fused_loss import fused_loss
from lit_samseg.finetune.guesses import guess_of_baseline, guess_of_look, guess_of_truth
from lit_samseg.finetune.learning_parts import LearningParts, WholePart
from lit_samseg.finetune.lora import Lora
from lit_samseg.finetune.losses import sam_loss
from lit_samseg.finetune.training_prompts import draw_exercises, without_class
from lit_samseg.finetune.validated import ValidatedModule
from lit_samseg.refine import RowText
from lit_samseg.refine.fusion import Fuse
from lit_samseg.sam import TrainableSegmenter

ADAPTER = "adapter.safetensors"
FASTER = 10.0
"""Rate of what listens to classes, above that of SAM's own weights."""


class SamRefinerFinetune(ValidatedModule):
    """Teach SAM's mask decoder to answer this baseline's prompts with the ground truth.

    The image encoder stays as it is, and so do embeddings, unless ``lora`` has it learn. For each image of a batch a
    label map is made, either the baseline's with some noise or the ground truth's made wrong; some of its regions
    become prompts, by the code and of the kind that the rows in ``variants`` use; the decoder's masks are compared with
    what the regions should have been. The losses are SAM's (Kirillov et al., 2023, appendix A): focal and dice 20 to 1
    for the single mask and the best of the three others, squared errors for the predicted IoUs. Void does not count.

    Everything that is drawn depends on the seed, the epoch and the image alone (and on how often a balance drew it).

    Args:
        baseline: The semantic segmenter, frozen.
        sam: The promptable segmenter: `SegmentAnything` or `HubSam`.
        variants: Rows that are trained for, and validated with.
        trained: Parts of SAM that learn as a whole: ``mask_decoder``, ``prompt_encoder``; not those of ``lora``.
        lora: Parts of SAM that learn by LoRA, with ``rank``, ``alpha`` and ``parts``: ``mask_decoder``,
            ``image_encoder``. An encoder that learns encodes each image anew in each step, with gradients.
        merged: Write whole weights of the layers that learnt by LoRA, not its small matrices.
        lr: Learning rate of the default optimiser, AdamW; it rises over the first twentieth of the steps and falls as a
            cosine. Other ones by ``--optimizer`` and ``--lr_scheduler``.
        weight_decay: Of the default optimiser.
        prompts: Most prompts of an image and step. With gradients, one takes about 150 MB for the published sizes.
        truth: How many of the label maps are the ground truth made wrong, 0 to 1.
        noise: How far the baseline's log-probabilities are moved (`guess_of_baseline`).
        jitter: How far boxes are moved, as a part of them (`draw_exercises`).
        border: How much more cells at the border of a true mask count, 0 for no more.
        competition: Weight of the cross-entropy of the scores that a row with ``fuse`` adds up (`fused_loss`), beside
            the losses of single masks.
        classes: Teach it classes too: prompts say of which class they are, and what the baseline thinks of each class
            (`lit_samseg.sam.class_prompts`). The adapter is then one for these classes.
        unknown: In how many of the images prompts name no class, 0 to 1, with ``classes``: so that the adapter can be
            asked about classes it does not know.
        rivals: Ask about losing classes too, each with this probability: the second likeliest class of a region, and
            classes that are likely somewhere and win nowhere (`lit_samseg.refine.rivals`).
        second_look: With ``classes``, have the baseline look at each image again, enlarged by this, and let prompts say
            what it thinks then; 1.5 is a good start. None for once. The evaluation's baseline must be able to.
        look_noise: How far the second look's log-probabilities are moved (`guess_of_look`).
        average: Part that a moving average of the weights keeps at each step, 0 for none: with 0.98 it is of about the
            last 50 steps. It is what is validated and written.
        seed: Of all that is drawn.
        cache_dir: Keep what the frozen networks make of images in this folder, for other runs too. None keeps it for
            the run.
        cache_max_gb: Size of that folder in GB.
        class_names: The data set's; linked on the command line, as are the next two.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Raises:
        InputError: An option is out of range, no row asks SAM for a mask, or SAM cannot be trained like this.
    """

    leaves = ADAPTER
    sam: TrainableSegmenter

    def __init__(
        self,
        baseline: Baseline,
        sam: TrainableSegmenter,
        variants: list[RowText] = ["auto"],  # noqa: B006 (jsonargparse shows it in --help; never changed)
        trained: list[WholePart] = ["mask_decoder"],  # noqa: B006
        lora: Lora = Lora(),
        merged: bool = False,
        lr: float = 1e-4,
        weight_decay: float = 1e-4,
        prompts: int = 4,
        truth: float = 0.25,
        noise: float = 1.0,
        jitter: float = 0.03,
        border: float = 0.0,
        competition: float = 10.0,
        classes: bool = False,
        unknown: float = 0.1,
        rivals: float = 0.0,
        second_look: float | None = None,
        look_noise: float = 1.5,
        average: float = 0.0,
        seed: int = 0,
        cache_dir: str | None = None,
        cache_max_gb: float = 20.0,
        class_names: tuple[str, ...] = (),
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        super().__init__(
            *(baseline, sam, variants, lr, weight_decay, class_names, background, ignore_index), average=average
        )
        self.asking = [variant for variant in self.evaluation.variants if variant.prompt]
        if not self.asking:
            raise InputError("no row of model.variants asks SAM for a mask, so there is nothing to train it for")
        if not 0 <= truth <= 1 or prompts < 1 or min(noise, jitter, border, competition) < 0:
            raise InputError(
                "model.truth is in 0..1, prompts 1 or more, noise, jitter, border and competition 0 or more"
            )
        if not (0 <= unknown <= 1 and 0 <= rivals <= 1):
            raise InputError(f"model.unknown is {unknown}, model.rivals {rivals}; both are in 0..1")
        if look_noise < 0 or (second_look is not None and not (classes and second_look > 0)):
            raise InputError(
                f"model.second_look is {second_look}, model.look_noise {look_noise}; the first is above 0 and goes "
                "with model.classes true, the second is 0 or more"
            )
        sam.check_classes(class_names)
        if classes and sam.classes is None:
            sam.know_classes(class_names, second_look)
        self.unknown, self.rivals, self.look_noise = unknown, rivals, look_noise
        self.learning, self.seed = LearningParts(sam, trained, lora, merged, seed), seed
        self.prompts, self.truth, self.noise, self.jitter, self.border = prompts, truth, noise, jitter, border
        self.competition = competition
        self.cache_dir, self.cache_max_gb = cache_dir, cache_max_gb
        if sam.adapter is not None:
            self.images.earlier = sam.adapter.trained_on

    def weights_by_rate(self) -> list[dict[str, Any]]:
        """Return what SAM knew, and what listens to classes, which begins at zero and learns faster."""
        new = [] if self.sam.classes is None else list(self.sam.classes.parameters())
        if not new:
            return super().weights_by_rate()
        fresh = {id(weight) for weight in new}
        old = [weight for weight in self.trained_weights().values() if id(weight) not in fresh]
        return [{"params": old}, {"params": new, "lr": FASTER * self.lr}]

    def setup(self, stage: str) -> None:
        """Have what the frozen networks make of images kept, from the first epoch on."""
        if self.learning.encoder_learns:
            store = self.open_store(self.cache_dir, self.cache_max_gb)
            self.views = FrozenViews(self.evaluation.predictor, store, self.sam)
        else:
            store, _ = self.keep_embeddings(self.cache_dir, self.cache_max_gb)
            self.views = FrozenViews(self.evaluation.predictor, store)

    def training_step(self, batch: list[Sample], batch_idx: int) -> Tensor:
        """Return the mean loss of the batch's images."""
        return self.joined(self._loss(sample) for sample in batch)

    def _loss(self, sample: Sample) -> Tensor | None:
        # An image that comes again in an epoch is asked about otherwise.
        again = [sample.turn] if sample.turn else []
        rng = np.random.default_rng([self.seed, self.current_epoch, sample.position, *again])
        target = self.target(sample)
        embedding, grid = self.views(sample)
        variant = self.asking[int(rng.integers(len(self.asking)))]
        if rng.random() < self.truth:
            guess = guess_of_truth(sample.image, target, grid, self.background, self.ignore_index, rng)
        else:
            guess = guess_of_baseline(grid, self.noise, rng)
        context = self.evaluation.predictor.set_image(sample.image, guess[0])
        # Prompts are made of what is seen, and nothing is learnt by that.
        seen = replace(embedding, features=embedding.features.detach())
        context.embedding, context.grid, context.target = seen, guess[1], target
        closer = self.views.closer(sample)
        context.closer = None if closer is None else guess_of_look(closer, self.look_noise, rng)
        exercises = draw_exercises(context, variant, self.prompts, self.jitter, rng, self.rivals)
        if exercises is None:
            return None
        prompts = exercises.prompts
        if self.sam.class_names is not None and rng.random() < self.unknown:
            prompts = [without_class(prompt) for prompt in prompts]
        answers = self.sam.answer(embedding, prompts)
        losses = sam_loss(answers.low_res_logits, answers.scores, exercises.target, exercises.weights, self.border)
        loss = losses.mean()
        fuse = next((composer for composer in variant.composers if isinstance(composer, Fuse)), None)
        if self.competition and fuse is not None:
            # The single mask speaks for all: which of the others is kept is not known yet.
            single = answers.low_res_logits[:, 0]
            fused = fused_loss(single, exercises, guess[1], target, fuse)
            loss = loss if fused is None else loss + self.competition * fused
        return loss

    def adapter(self, trained_on: TrainedOn = TrainedOn()) -> Adapter:
        """Return what ``--model.sam.adapter`` takes."""
        return self.learning.adapter(self.trained_weights(), trained_on)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint which SAM it belongs to, so that it can be given as an adapter."""
        super().on_save_checkpoint(checkpoint)
        checkpoint |= self.learning.facts

    def write(self, folder: Path, trained_on: TrainedOn) -> Path:
        """Write ``adapter.safetensors``."""
        path = folder / ADAPTER
        self.adapter(trained_on).write(path)
        return path
