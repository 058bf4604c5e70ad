"""From a picture to label maps: the one way by which this package refines an image."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import torch
from torch import Tensor

from lit_samseg.analysis.likeliest import likeliest_of_truth
from lit_samseg.baselines import Baseline, check_label_map
from lit_samseg.data import Origin, Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.refine import (
    ClassScores,
    Decision,
    ImageContext,
    Variant,
    certain,
    refine_by_all,
    refine_scores,
)
from lit_samseg.refine.asking import ask_ahead
from lit_samseg.refine.certainty import confidence_unasked
from lit_samseg.refine.refiner import Observers, refine_with_confidence
from lit_samseg.runtime.timing import StageTimer
from lit_samseg.runtime.transfer import download
from lit_samseg.sam import PromptableSegmenter, remember_resized
from lit_samseg.void import VOID


class Predictor:
    """A baseline and a promptable segmenter: `set_image` makes a context, of which any number of rows is made.

    >>> context = predictor.set_image(image)
    >>> refined = predictor.refine(context, parse_variants(["box", "auto"], has_background=True))

    Args:
        sam: The promptable segmenter.
        baseline: The semantic segmenter; None where every image comes with a label map.
        background: Class that is never prompted, or None.
        num_classes: How many classes label maps may have; None for any number.
        ignore_index: Void label of the ground truth.
        timer: Adds up the seconds of each stage.

    Attributes:
        phrases_asked: How many phrases words were asked about, of all images so far.
    """

    def __init__(
        self,
        sam: PromptableSegmenter,
        baseline: Baseline | None = None,
        background: int | None = None,
        num_classes: int | None = None,
        ignore_index: int = 255,
        timer: StageTimer | None = None,
    ) -> None:
        self.sam, self.baseline, self.background, self.num_classes = sam, baseline, background, num_classes
        self.ignore_index, self.timer = ignore_index, timer or StageTimer()
        self.needs, self.phrases_asked = RowNeeds(), 0

    def give(self, needs: RowNeeds) -> None:
        """Give what rows need beside the networks."""
        self.needs = needs

    def set_image(
        self,
        image: Tensor,
        label_map: Tensor | None = None,
        scores: Tensor | None = None,
        name: str = "",
        origin: Origin | None = None,
    ) -> ImageContext:
        """Take an image; what rows need of it is computed once, when it is first asked for.

        Args:
            image: uint8 ``[3, H, W]``.
            label_map: Integer ``[H, W]``; None asks the baseline.
            scores: The label map's class scores, float ``[C, h, w]`` of any size, where there are any.
            name: What the baseline knows the image by, for messages and label maps from files.
            origin: Of an augmented view, where it comes from: a baseline that reads files is asked about that.

        Raises:
            InputError: The baseline's label map cannot be used.
        """
        with torch.inference_mode():
            on_host = None
            if label_map is None:
                label_map, on_host, scores = self._ask_baseline(image, name, with_scores=True, origin=origin)
            return self._context(image, label_map, on_host, scores, None)

    @torch.inference_mode()
    def set_images(
        self,
        samples: Sequence[Sample],
        variants: Sequence[Variant],
        analysed: bool = False,
        keep_scores: bool = False,
    ) -> list[ImageContext]:
        """Take several images at once, and compute what variants need of them.

        Args:
            samples: The images, with their ground truth where there is one.
            variants: The rows that will be made of them.
            analysed: An analysis will be made: it asks about regions of the ground truth, and about classes.
            keep_scores: Leave the baseline's class scores in the contexts, in the size in which it gave them.

        Raises:
            InputError: The baseline's label map of an image cannot be used.
        """
        if not samples:
            return []
        device, fuses = samples[0].image.device, any(variant.needs_grid for variant in variants)
        # Prompts for a SAM that knows classes say what the baseline thinks of them.
        fuses |= self.sam.class_names is not None
        with self.timer.stage("baseline", device):
            contexts = []
            for sample in samples:
                if sample.resized is not None:
                    remember_resized(sample.image, sample.resized)
                found = self._ask_baseline(sample.image, sample.id, fuses or keep_scores)
                context = self._context(sample.image, *found, sample.target)
                # Before the scores go.
                context.likeliest = likeliest_of_truth(context) if analysed else None
                context.keep_grids(fuses, any(variant.needs_pixels for variant in variants), keep_scores)
                contexts.append(context)
        if any(variant.needs_words for variant in variants):
            with self.timer.stage("words", device):
                for context in contexts:
                    self.phrases_asked += context.told.phrases
        with self.timer.stage("regions", device):
            for context in contexts:
                context.find(variant.finder for variant in variants)
        with self.timer.stage("encode", device):
            # Nothing is asked about an image without regions, except by a ladder, of the ground truth's, and by rows
            # that may find others.
            anyway = any(variant.needs_no_region or (analysed and variant.has_ladder) for variant in variants)
            asked = [context for context in contexts if context.has_regions or anyway]
            encoded = self.sam.encode([context.image for context in asked]) if asked else []
            for context, embedding in zip(asked, encoded, strict=True):
                context.embedding = embedding
        return contexts

    def ask_ahead(self, contexts: Sequence[ImageContext], variants: Sequence[Variant], stage: str = "refine") -> None:
        """Ask SAM about several images in one call, before rows are made of each in ``stage``; see `ask_ahead`."""
        if contexts:
            with self.timer.stage(stage, contexts[0].image.device), torch.inference_mode():
                ask_ahead(contexts, variants)

    def refine(
        self, context: ImageContext, variants: Sequence[Variant], observe: Observers | None = None
    ) -> dict[str, Tensor]:
        """Make rows of an image; see `refine_by_all`. Without any region each is the baseline's label map.

        A row that believes otherwise, or has a judge, may find something there too.
        """
        context.find(variant.finder for variant in variants)
        asked = [variant for variant in variants if context.has_regions or variant.needs_no_region]
        refined: dict[str, Tensor] = {}
        if asked:
            with self.timer.stage("refine", context.image.device):
                refined = refine_by_all(context, asked, observe)
        return {variant.name: refined.get(variant.name, context.label_map) for variant in variants}

    def refine_with_confidence(
        self, context: ImageContext, variant: Variant, observe: Callable[[Decision], None] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Make a row of an image, and tell how sure it is of each pixel; see `refine_with_confidence`."""
        context.find([variant.finder])
        if not context.has_regions and not variant.needs_no_region:
            return context.label_map, confidence_unasked(context, variant)
        with self.timer.stage("refine", context.image.device):
            return refine_with_confidence(context, variant, observe)

    def scores(self, context: ImageContext, variant: Variant) -> ClassScores:
        """Tell how likely each class is; see `refine_scores`. Without any region the label map is certain."""
        context.find([variant.finder])
        if not context.has_regions and not variant.needs_no_region:
            return certain(context.label_map)
        with self.timer.stage("refine", context.image.device):
            return refine_scores(context, variant)

    def _ask_baseline(
        self, image: Tensor, name: str, with_scores: bool, origin: Origin | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the label map where the image is and on the CPU, and scores."""
        if self.baseline is None:
            raise ValueError("without a baseline an image needs a label map")
        baseline, name = self.baseline, name or "image"
        if origin is not None and baseline.files(name):
            label_map, scores = baseline.predict(origin.image.to(image.device), name)
            label_map, scores = origin.label_map(label_map), None if scores is None else origin.scores(scores)
        else:
            label_map, scores = (
                baseline.predict(image, name) if with_scores else (baseline.label_map(image, name), None)
            )
        check_label_map(label_map, image, f"baseline {baseline.checkpoint}, image {name}")
        # A GPU is waited for once, for what regions are found in and for the labels' range.
        if self.num_classes is None:
            (on_host,) = download([label_map])
            return label_map, on_host, scores
        # Every row of an image is held at once, and they are like this one.
        narrow = self.num_classes <= torch.iinfo(torch.int16).max
        narrowed = label_map.to(torch.int16) if narrow else label_map
        on_host, extremes = download([narrowed, torch.stack(label_map.aminmax())])
        low, high = extremes.tolist()
        least = 0 if self.baseline.ignore_index is None else VOID
        if low < least or high >= self.num_classes:
            raise InputError(
                f"baseline {self.baseline.checkpoint} gives image {name} label {high if low >= least else low}; "
                f"the data set's labels are 0..{self.num_classes - 1}"
            )
        return narrowed, on_host, scores

    def _context(
        self, image: Tensor, label_map: Tensor, on_host: Tensor | None, scores: Tensor | None, target: Tensor | None
    ) -> ImageContext:
        needs = self.needs
        return ImageContext(
            *(image, label_map, self.sam, self.background, scores, target, self.ignore_index),
            *(needs.gate, needs.memory, needs.words, needs.calibration, self.num_classes, on_host),
            # Once, however many rows and prompts want the same look. Only the last two are kept: they may be large.
            look_closer=None if self.baseline is None else lru_cache(maxsize=2)(partial(self._look_closer, image)),
        )

    def _look_closer(self, image: Tensor, scale: float, mirrored: bool = False) -> Tensor:
        assert self.baseline is not None, "asked by the caller"
        logits = self.baseline.look_closer(image.flip(-1) if mirrored else image, scale)
        if logits is None:
            raise InputError(
                f"baseline {self.baseline.checkpoint} cannot look at an image again: it is no network, or one for "
                "images of one size; give another, or rows and an adapter that do not have it look again"
            )
        return logits.flip(-1) if mirrored else logits
