"""One call for one picture: a segmenter and a SAM, and the refined label map."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import Tensor

from lit_samseg.baselines import Baseline, label_map_of, load_baseline
from lit_samseg.errors import InputError
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.formats.given import as_image, as_label_map
from lit_samseg.formats.given_scores import as_scores
from lit_samseg.refine import Decision, ImageContext, Region, RowText, parse_variants, read_gate, variant_of
from lit_samseg.runtime.declared import check_declared
from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.sam import Precision, Prompt, PromptableSegmenter, load_promptable_segmenter
from lit_samseg.void import VOID

NARROW, WIDE = 255, 65_535
"""Void in label maps of at most 255 classes, and of more."""


@dataclass
class Refinement:
    """What one picture came to; tensors are on the CPU.

    Attributes:
        label_map: The refined class ids, int64 ``[H, W]``; void, where there is any, is what it was given as.
        baseline: What was refined: the baseline's or the caller's label map, int64 ``[H, W]``.
        decisions: With ``details``: for each region its prompt, SAM's candidates and scores, and the one kept.
    """

    label_map: Tensor
    baseline: Tensor
    decisions: list[Decision] = field(default_factory=list)


class Refiner:
    """Refines label maps of single pictures, as one row of the evaluation does.

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
        ignore_index: Void in label maps of your own, which is never prompted; None for none; ``auto`` is 255, or 65535
            where there are more than 255 classes.

    Attributes:
        class_names: The baseline's names by class id, or None.

    Raises:
        InputError: The variant cannot be parsed, or needs the ground truth or a gate; or the gate is none.
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
    ) -> None:
        check_declared(sam, PromptableSegmenter, "sam")
        if baseline is not None:
            check_declared(baseline, Baseline, "baseline")
        self.class_names = None if baseline is None else baseline.class_names
        if background == "auto":
            background = 0 if (self.class_names or ("",))[0].casefold() == "background" else None
        unknown = NARROW if ignore_index == "auto" else WIDE
        count = unknown if self.class_names is None else len(self.class_names)
        self._knows_void = ignore_index != "auto"
        self.ignore_index = _known_void(ignore_index, self.class_names, background)
        if background is not None and (type(background) is not int or not 0 <= background < count):
            raise InputError(f"background is {background!r}; it is a class id of 0..{count - 1}, None or 'auto'")
        self.background = background
        if callable(variant) and not isinstance(variant, type):
            variants = [variant_of(variant, has_background=background is not None)]
        else:
            variants = parse_variants([variant], background is not None, sam.has_pixel_features)
        if not variants or variants[0].selector.needs_truth:
            raise InputError(f"variant {variant!r} is no way to refine a picture; the default is auto")
        self.variant = variants[0]
        for note in self.variant.notes:
            warnings.warn(note, FutureWarning, stacklevel=2)
        if self.variant.learned and gate is None:
            raise InputError(f"variant {variant!r} needs a learned gate; give gate=FILE, which lit-samseg fit writes")
        self.device = _device(device)
        self.gate = None if gate is None else read_gate(Path(gate).expanduser()).to(self.device)
        self.sam = sam.to(self.device)
        self.baseline = None if baseline is None else baseline.to(self.device)
        self._predictor = Predictor(self.sam, self.baseline, background, learned_gate=self.gate)

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

    @overload
    def __call__(self, image: list[Any] | tuple[Any, ...], details: bool = False) -> list[Refinement]: ...

    @overload
    def __call__(self, image: Any, details: bool = False) -> Refinement: ...

    def __call__(self, image: Any, details: bool = False) -> Refinement | list[Refinement]:
        """Segment and refine.

        Args:
            image: A path, a PIL image, a NumPy array uint8 ``[H, W, 3]`` (RGB) or a tensor uint8 ``[3, H, W]``; or a
                list of them, of any sizes.
            details: Keep regions, prompts, candidates and scores too.

        Raises:
            InputError: There is no baseline, or something is no image.
        """
        if self.baseline is None:
            raise InputError("this Refiner has no baseline; give it one, or call refine(image, label_map)")
        if isinstance(image, list | tuple):
            return [self._segment(one, details) for one in image]
        return self._segment(image, details)

    def _segment(self, image: Any, details: bool) -> Refinement:
        with without_tf32():
            context = self._predictor.set_image(as_image(image).to(self.device))
        assert self.baseline is not None, "checked by the caller"
        void = self.baseline.ignore_index
        return self._refine(context, VOID if void is None else void, details)

    def refine(self, image: Any, label_map: Any = None, details: bool = False, scores: Any = None) -> Refinement:
        """Refine a label map of your own.

        Args:
            image: As for a call.
            label_map: Class ids of the image's size: an integer or bool tensor or array ``[H, W]``, or a path or PIL
                image of indices. Void (`ignore_index`) is never prompted. A binary mask of 0 and 255 is
                refused while nobody said that 255 is void: give ``mask > 0``. None takes the classes of the largest
                scores.
            details: Keep regions, prompts, candidates and scores too.
            scores: How likely each class is, for variants that add up scores: see
                `lit_samseg.formats.given_scores.as_scores`.

        Raises:
            InputError: Label map or scores are none, or do not fit the image or each other; or there is neither.
        """
        pixels, void = as_image(image), VOID
        size = (pixels.shape[1], pixels.shape[2])
        if scores is not None:
            scores = as_scores(scores, size, None if self.class_names is None else len(self.class_names))
        if label_map is not None:
            labels, void = self._own_labels(label_map, size)
            if scores is not None and int(labels.max()) >= len(scores):
                raise InputError(f"the label map has class {int(labels.max())}, but scores are of 0..{len(scores) - 1}")
        elif scores is not None:
            labels = label_map_of(scores, *size)
        else:
            raise InputError("there is neither a label map nor scores; give one of them, or both")
        scores = None if scores is None else scores.to(self.device)
        context = self._predictor.set_image(pixels.to(self.device), labels.to(self.device), scores)
        return self._refine(context, void, details)

    def _own_labels(self, label_map: Any, size: tuple[int, int]) -> tuple[Tensor, int]:
        """Return a caller's label map with `VOID` where it has void, and what void is there."""
        labels = as_label_map(label_map, self._knows_void)
        if labels.shape != size:
            raise InputError(f"a label map must be {list(size)} as its image, not {list(labels.shape)}")
        void = _void_of(labels) if self.ignore_index == "auto" else self.ignore_index
        if void is None:
            void = VOID
        return torch.where(labels == void, VOID, labels), void

    def _refine(self, context: ImageContext, void: int, details: bool) -> Refinement:
        decisions: list[Decision] = []
        observe = {self.variant.name: decisions.append} if details else None
        with without_tf32():
            refined = self._predictor.refine(context, [self.variant], observe)[self.variant.name]
        given, refined = (torch.where(maps == VOID, void, maps).cpu() for maps in (context.label_map, refined))
        return Refinement(refined, given, decisions)


def _known_void(
    void: int | Literal["auto"] | None, class_names: tuple[str, ...] | None, background: object
) -> int | Literal["auto"] | None:
    """Check the option, and choose where the number of classes decides."""
    if void == "auto":
        return void if class_names is None else NARROW if len(class_names) <= NARROW else WIDE
    first = 0 if class_names is None else len(class_names)
    if void is not None and (type(void) is not int or void < first or void == background):
        raise InputError(f"ignore_index is {void!r}; it is a number that is no class, from {first} on, None or 'auto'")
    return void


def _void_of(labels: Tensor) -> int:
    """Return what is void in a label map of which nothing else is known."""
    if not ((labels > NARROW) & (labels != WIDE)).any():
        return NARROW
    if (labels == NARROW).any():
        raise InputError(
            "the label map has ids above 255, and 255; give Refiner(ignore_index=None) if that is a class, 255 if void"
        )
    return WIDE


def _device(name: str | torch.device | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise InputError(f"device is {name!r}; it is cpu, cuda, cuda:1, ... or mps") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {str(device)!r}, but torch finds no such GPU; use cpu")
    return device
