"""One call for one picture: a segmenter and a SAM, and the refined label map."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import torch

from lit_samseg.baselines import Baseline, label_map_of, load_baseline
from lit_samseg.cli.configured_networks import configured_networks
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.formats.given_image import as_image
from lit_samseg.formats.given_scores import as_scores
from lit_samseg.formats.given_void import NARROW, WIDE, known_void, own_labels
from lit_samseg.refine import Decision, ImageContext, Region, RowText, check_memory, read_gate, read_memory
from lit_samseg.refine.grammar import only_variant
from lit_samseg.refined import Refinement
from lit_samseg.runtime.amounts import pictures_together
from lit_samseg.runtime.declared import check_declared
from lit_samseg.runtime.device import find_device
from lit_samseg.runtime.host_copies import HostCopies
from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.sam import Precision, Prompt, PromptableSegmenter, load_promptable_segmenter
from lit_samseg.tiling.tile_refiner import TileRefiner
from lit_samseg.void import VOID

__all__ = ["Refinement", "Refiner"]

Details = bool | Callable[[Decision], None]
"""Whether what became of each region is kept; or who is told, when it is decided."""


class Refiner:
    """Refines label maps of single pictures, as one row of the evaluation does.

    Examples:
        >>> refiner = Refiner.from_pretrained(baseline="google/deeplabv3_mobilenet_v2_1.0_513", sam="mobile_sam")
        >>> refiner("street.jpg").label_map

    Args:
        sam: The promptable segmenter.
        baseline: The semantic segmenter; None where only label maps of your own are refined.
        variant: ``RECIPE`` or ``RECIPE@...``, a row's name; ``auto`` is the recommended one (docs/recipes.md);
            ``{NAME: {row: TEXT, WORD: {OPTION: VALUE}}}`` sets options; or a function that makes a prompt of a region.
        background: The class that is never prompted and fills what no mask claims; None for none; ``auto`` is class 0
            where the baseline calls it background.
        device: Where to compute; None takes a GPU if there is one.
        gate: ``gate.json`` of ``lit-samseg fit``, for a variant with ``learned``.
        memory: ``memory.safetensors`` of ``lit-samseg fit``, for a variant with ``memory``; its classes are the
            pictures' if nobody gives names.
        ignore_index: Void in label maps of your own, which is never prompted; None for none; ``auto`` is 255, or 65535
            where there are more than 255 classes.
        class_names: Names by class id, for label maps of your own; None takes the baseline's, if it has any.
        batch_size: Pictures of a list that are taken together; None is 4, and on a GPU what its memory holds. There
            they are encoded together, which is faster, and the last bits of an embedding depend on how many they are.

    Attributes:
        class_names: Names by class id, or None.

    Raises:
        InputError: The variant cannot be parsed, or needs the ground truth, a gate or a memory; or the gate is none, or
            the memory is none or not at home here.
    """

    def __init__(
        self,
        sam: PromptableSegmenter,
        baseline: Baseline | None = None,
        variant: RowText | Callable[[Region], Prompt] = "auto",
        background: int | Literal["auto"] | None = "auto",
        device: str | torch.device | None = None,
        gate: str | Path | None = None,
        ignore_index: int | Literal["auto"] | None = "auto",
        class_names: Sequence[str] | None = None,
        batch_size: int | None = None,
        memory: str | Path | None = None,
    ) -> None:
        check_declared(sam, PromptableSegmenter, "sam")
        if baseline is not None:
            check_declared(baseline, Baseline, "baseline")
        known = None if memory is None else read_memory(Path(memory).expanduser())
        if class_names is None and baseline is not None:
            class_names = baseline.class_names
        if class_names is None and known is not None:
            class_names = known.class_names
        if class_names is None and sam.class_names:
            class_names = sam.class_names
        self.class_names = None if class_names is None else tuple(class_names)
        if background == "auto":
            background = 0 if (self.class_names or ("",))[0].casefold() == "background" else None
        unknown = NARROW if ignore_index == "auto" else WIDE
        count = unknown if self.class_names is None else len(self.class_names)
        self._knows_void = ignore_index != "auto"
        self.ignore_index = known_void(ignore_index, self.class_names, background)
        if background is not None and (type(background) is not int or not 0 <= background < count):
            raise InputError(f"background is {background!r}; it is a class id of 0..{count - 1}, None or 'auto'")
        self.background = background
        self.variant = only_variant(variant, background is not None, sam.has_pixel_features)
        for note in self.variant.notes:
            warnings.warn(note, FutureWarning, stacklevel=2)
        if self.variant.needs_words:
            raise InputError(f"variant {variant!r} asks by words, which lit-samseg test and predict do; give another")
        if self.variant.learned and gate is None:
            raise InputError(f"variant {variant!r} needs a learned gate; give gate=FILE, which lit-samseg fit writes")
        if self.variant.remembers and memory is None:
            raise InputError(f"variant {variant!r} needs a memory; give memory=FILE, which lit-samseg fit writes")
        self.device = find_device(device)
        self.batch_size = pictures_together(batch_size, self.device)
        self.gate = None if gate is None else read_gate(Path(gate).expanduser()).to(self.device)
        sam.check_classes(self.class_names)
        if known is not None:
            check_memory(known, str(memory), self.class_names, sam.features_sha256)
        self.memory = None if known is None else known.to(self.device)
        self.sam = sam.to(self.device)
        self.baseline = None if baseline is None else baseline.to(self.device)
        self._predictor = Predictor(self.sam, self.baseline, background)
        self._predictor.give(RowNeeds(self.gate, self.memory))

    @classmethod
    def from_pretrained(
        cls,
        baseline: str | Path | Baseline | None = None,
        sam: str | Path | PromptableSegmenter = "mobile_sam",
        precision: Precision = "fp32",
        **options: Any,
    ) -> "Refiner":
        """Load both networks by name.

        Args:
            baseline: A folder or hub id of a segmenter, a torchvision DeepLabV3 (``deeplabv3_resnet101``), ``demo``, or
                None.
            sam: A known name (``vit_h``, ``mobile_sam``, ...), a checkpoint file, or a folder or hub id of a SAM in the
                layout of transformers.
            precision: SAM's arithmetic: ``fp32``, ``bf16`` or ``fp16``.
            options: Those of `Refiner`.

        Raises:
            InputError: A checkpoint is missing, broken or of another kind.
        """
        if isinstance(baseline, str | Path):
            baseline = load_baseline(str(baseline))
        if isinstance(sam, str | Path):
            sam = load_promptable_segmenter(str(sam), precision)
        return cls(sam, baseline, **options)

    @classmethod
    def from_config(cls, run: str | Path, variant: RowText | None = None, **options: Any) -> "Refiner":
        """Make the networks and the row of a run again: the result is what the run wrote of the same picture.

        Args:
            run: The output folder of a run, a configuration file, or the name of one that is shipped: ``demo``.
            variant: Which of its rows, or any other; None takes the only one, or ``auto`` where it is among several.
            options: Those of `Refiner` that go before the configuration's.

        Raises:
            InputError: There is no configuration, what it names cannot be made, or ``auto`` is none of several rows.
        """
        found = configured_networks(Path(run).expanduser())
        own = {
            "background": found.background,
            "gate": found.gate,
            "memory": found.memory,
            "class_names": found.class_names,
        }
        return cls(found.sam, found.baseline, found.row(variant), **(own | options))

    @overload
    def __call__(self, image: list[Any] | tuple[Any, ...], details: bool = False) -> list[Refinement]: ...

    @overload
    def __call__(self, image: Iterator[Any], details: bool = False) -> Iterator[Refinement]: ...

    @overload
    def __call__(self, image: Any, details: bool = False) -> Refinement: ...

    def __call__(self, image: Any, details: bool = False) -> Refinement | list[Refinement] | Iterator[Refinement]:
        """Segment and refine.

        Args:
            image: A path, a PIL image, or an array or tensor, uint8 or float from 0 to 1, grey, RGB or RGBA, with the
                channels last or first (`lit_samseg.formats.given_image.as_image`); a list of them, of any sizes; or an
                iterator or generator of them, as of a video's frames.
            details: Keep regions, prompts, candidates and scores too.

        Returns:
            The refinement; for a list a list. For an iterator an iterator: each picture is taken when its refinement is
            asked for, and nothing is kept of it.

        Raises:
            InputError: There is no baseline, or something is no image.
        """
        if self.baseline is None:
            raise InputError("this Refiner has no baseline; give it one, or call refine(image, label_map)")
        if isinstance(image, list | tuple):
            parts = (image[first : first + self.batch_size] for first in range(0, len(image), self.batch_size))
            return [result for part in parts for result in self._segment(part, details)]
        if isinstance(image, Iterator):
            return (self._segment([one], details)[0] for one in image)
        return self._segment([image], details)[0]

    def _segment(self, images: Sequence[Any], details: bool) -> list[Refinement]:
        """Segment and refine a few pictures, which are encoded together."""
        assert self.baseline is not None, "checked by the caller"
        void = self.baseline.ignore_index
        started = time.perf_counter()
        with without_tf32():
            # Baselines that read files know a picture by its name.
            ids = [Path(image).stem if isinstance(image, str | Path) else "image" for image in images]
            pixels = [as_image(image).to(self.device) for image in images]
            samples = [Sample(image_id, one, None) for image_id, one in zip(ids, pixels, strict=True)]
            contexts = self._predictor.set_images(samples, [self.variant])
            self._predictor.ask_ahead(contexts, [self.variant])
        each = (time.perf_counter() - started) / max(1, len(images))
        return [self._refine(context, VOID if void is None else void, details, each) for context in contexts]

    def refine(self, image: Any, label_map: Any = None, details: Details = False, scores: Any = None) -> Refinement:
        """Refine a label map of your own.

        Args:
            image: As for a call.
            label_map: Class ids of the image's size: an integer or bool tensor or array ``[H, W]``, or a path or PIL
                image of indices. Void (`ignore_index`) is never prompted. A binary mask of 0 and 255 is
                refused while nobody said that 255 is void: give ``mask > 0``. None takes the classes of the largest
                scores.
            details: Keep regions, prompts, candidates and scores too; a function gets those of each region instead.
            scores: How likely each class is, for variants that add up scores: see
                `lit_samseg.formats.given_scores.as_scores`.

        Raises:
            InputError: Label map or scores are none, or do not fit the image or each other; or there is neither.
        """
        started = time.perf_counter()
        pixels, void = as_image(image), VOID
        size = (pixels.shape[1], pixels.shape[2])
        if scores is not None:
            scores = as_scores(scores, size, None if self.class_names is None else len(self.class_names))
        if label_map is not None:
            labels, void = own_labels(label_map, size, self._knows_void, self.ignore_index)
            if scores is not None and int(labels.max()) >= len(scores):
                raise InputError(f"the label map has class {int(labels.max())}, but scores are of 0..{len(scores) - 1}")
        elif scores is not None:
            labels = label_map_of(scores, *size)
        else:
            raise InputError("there is neither a label map nor scores; give one of them, or both")
        scores = None if scores is None else scores.to(self.device)
        context = self._predictor.set_image(pixels.to(self.device), labels.to(self.device), scores)
        return self._refine(context, void, details, time.perf_counter() - started)

    @property
    def tiles(self) -> TileRefiner:
        """Refines tiles of larger pictures: `lit_samseg.tiling`."""
        return TileRefiner(self._predictor, self.variant, self.device, self.ignore_index, self._knows_void)

    def _refine(self, context: ImageContext, void: int, details: Details, seconds: float) -> Refinement:
        decisions: list[Decision] = []
        copies = HostCopies()
        started = time.perf_counter()
        with without_tf32():

            def keep(decision: Decision) -> None:
                decisions.append(copies.of(decision))

            observe = details if callable(details) else keep if details else None
            refined, confidence = self._predictor.refine_with_confidence(context, self.variant, observe)
        given, refined = (torch.where(maps == VOID, void, maps).cpu() for maps in (context.label_map, refined))
        return Refinement(
            label_map=refined,
            baseline=given,
            image=context.image.cpu(),
            confidence=confidence.cpu(),
            void=void,
            background=self.background,
            class_names=self.class_names,
            row=self.variant.name,
            seconds=seconds + time.perf_counter() - started,
            decisions=decisions,
        )
