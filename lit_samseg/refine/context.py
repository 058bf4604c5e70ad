"""One image, and what is computed of it once, however many rows use it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.refine.answers import Answers
from lit_samseg.refine.calibrated_words import CalibratedWords, logit_of, shares_of
from lit_samseg.refine.cells import pixel_frame, sample_nearest
from lit_samseg.refine.class_beliefs import planes_of_classes, planes_of_look
from lit_samseg.refine.feature_memory import FeatureMemory
from lit_samseg.refine.grid import Grid, make_grid
from lit_samseg.refine.learned_gate import LearnedGate
from lit_samseg.refine.regions import Grouping, Region, find_regions_by
from lit_samseg.refine.told import Told, WordSource
from lit_samseg.runtime.pixels import count_set, has_label
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Embedding, PromptableSegmenter

_SEEN = ("features", "closer", "remembered", "told", "word_odds")


class LookCloser(Protocol):
    """Has a baseline look at an image again."""

    def __call__(self, scale: float, mirrored: bool = False, /) -> Tensor:
        """Return class logits, float32 ``[C, h, w]``, of equal cells that are the whole image, not mirrored.

        Args:
            scale: How much larger than at first it sees the image.
            mirrored: Whether it sees the mirror image.
        """


@dataclass(eq=False)
class ImageContext:
    """One image: what a baseline says of it, and what follows, each computed when it is first asked for.

    Attributes:
        image: uint8 ``[3, H, W]``.
        label_map: The baseline's, integer ``[H, W]``.
        sam: The promptable segmenter.
        background: Class that is never prompted, or None.
        logits: The baseline's class scores, float ``[C, h, w]`` of any size; None where it has none, or nobody wants
            them.
        target: Ground truth ``[H, W]``, for parts that look at it; None where there is none.
        ignore_index: Void label in ``target``.
        learned_gate: Decides for rows with ``learned``; None where none was given.
        memory: Knows classes by SAM's features, for rows with ``memory``; None where none was given.
        words: Asks a text-prompted segmenter, for rows with ``text``; None where none was given.
        calibration: What its answers are worth; None takes them at their word.
        num_classes: How many classes label maps may have; None for any number.
        on_host: The label map on the CPU, where somebody had to copy it anyway; or None.
        likeliest: Of the classes that the ground truth has, the one that the baseline's scores rate highest at each
            pixel, integer ``[H, W]``; None where there is no analysis, or there are no scores.
        look_closer: Has the baseline look at the image again; None where there is no baseline.
    """

    image: Tensor
    label_map: Tensor
    sam: PromptableSegmenter
    background: int | None = None
    logits: Tensor | None = None
    target: Tensor | None = None
    ignore_index: int = 255
    learned_gate: LearnedGate | None = None
    memory: FeatureMemory | None = None
    words: WordSource | None = None
    calibration: CalibratedWords | None = None
    num_classes: int | None = None
    on_host: Tensor | None = None
    likeliest: Tensor | None = None
    look_closer: LookCloser | None = None

    def __post_init__(self) -> None:
        """Begin with nothing computed."""
        self._embedding: Embedding | None = None
        self._grid: Grid | None = None
        self._regions: dict[Grouping, list[Region]] = {}
        self._areas: dict[int, Tensor] = {}
        # Whoever asks ahead says for whom: variants, which only they compare.
        self.ahead: tuple[object, Answers] | None = None

    @property
    def frame(self) -> Frame:
        """How the image lies in SAM's square."""
        return self.sam.frame(self.image) if self._embedding is None else self._embedding.frame

    @property
    def embedding(self) -> Embedding:
        """The image as SAM's encoder sees it."""
        if self._embedding is None:
            (self._embedding,) = self.sam.encode([self.image])
        return self._embedding

    @embedding.setter
    def embedding(self, known: Embedding) -> None:
        self._embedding = known

    @property
    def grid(self) -> Grid:
        """The image and what the baseline thinks of it, on SAM's grid."""
        if self._grid is None:
            self._grid = self._grid_of(self.frame)
        return self._grid

    @grid.setter
    def grid(self, known: Grid) -> None:
        self._grid = known

    @cached_property
    def pixel_grid(self) -> Grid:
        """The same with the image's own pixels as cells."""
        return self._grid_of(pixel_frame(self.frame))

    @cached_property
    def features(self) -> Tensor | None:
        """SAM's features of each cell, float32 ``[D, >= h, >= w]``; None where it has none."""
        return self.sam.pixel_features(self.embedding)

    @cached_property
    def class_planes(self) -> Tensor:
        """What the baseline thinks of each class that SAM knows (`planes_of_classes`)."""
        return planes_of_classes(self.grid, len(self.sam.class_names or ()))

    @cached_property
    def closer(self) -> Tensor | None:
        """What the baseline thinks of each class at its second look (`planes_of_look`); None where SAM wants none."""
        if self.sam.second_look is None:
            return None
        if self.look_closer is None:
            raise InputError(
                f"adapter {self.sam.adapter_file} listens to a baseline's second look at the image, and there is no "
                "baseline; give one, or another adapter"
            )
        return planes_of_look(self.look_closer(self.sam.second_look), self.frame)

    @cached_property
    def remembered(self) -> Tensor:
        """The memory's log-probabilities of all classes at each cell of the grid, float32 ``[C, h, w]``."""
        if self.memory is None:
            raise ValueError("rows with a memory need one")
        return self.memory.remember(self.image, self.frame, self.embedding.features, self.features)

    @cached_property
    def told(self) -> Told:
        """What words say of the image's classes."""
        if self.words is None:
            raise ValueError("rows with words need a text-prompted segmenter")
        return self.words.ask(self.image, self.grid, self.target)

    @cached_property
    def word_odds(self) -> Tensor:
        """Log-odds that cells are of each class of `told`, if that is in the image, float32 ``[A, h, w]``."""
        return logit_of(shares_of(self.told, self.calibration))

    def regions(self, finder: Grouping) -> list[Region]:
        """Return the label map's regions, by ascending class id, those of a class by descending area."""
        self.find([finder])
        return self._regions[finder]

    def find(self, finders: Iterable[Grouping]) -> None:
        """Find the regions of several finders, with one search for components."""
        missing = [finder for finder in dict.fromkeys(finders) if finder not in self._regions]
        if missing:
            self._regions |= find_regions_by(self.label_map, missing, self.background, self.on_host)

    @property
    def entropy(self) -> Tensor | None:
        """How unsure the baseline is of its classes (`Grid.entropy`); None where no row asked for its scores."""
        return None if self._grid is None else self._grid.entropy

    @property
    def has_regions(self) -> bool:
        """Whether any region was found so far."""
        return any(self._regions.values())

    def area_of(self, class_id: int) -> Tensor:
        """Return how many pixels of the label map have a class, int64 scalar on its device."""
        if class_id not in self._areas:
            self._areas[class_id] = count_set(has_label(self.label_map, class_id))
        return self._areas[class_id]

    def take_ahead(self, asked_for: object) -> Answers | None:
        """Return what was answered ahead, if it was asked for the same; nothing of it is kept here."""
        ahead, self.ahead = self.ahead, None
        return None if ahead is None or ahead[0] != asked_for else ahead[1]

    def on(self, label_map: Tensor, background: int | None = None, target: Tensor | None = None) -> "ImageContext":
        """Return the same image with another label map, of which no class scores are known.

        Args:
            label_map: integer ``[H, W]``.
            background: Class that is never prompted in it; None for this one's.
            target: Another ground truth without void; None for this one's.
        """
        other = replace(self, label_map=label_map, logits=None, on_host=None)
        other.embedding = self.embedding
        # What SAM sees does not depend on the label map; and words are asked about the baseline's.
        vars(other).update({name: vars(self)[name] for name in _SEEN if name in vars(self)})
        if background is not None:
            other.background = background
        if target is not None:
            other.target, other.ignore_index = target, 255
        return other

    def believing(self, grid: Grid, anew: bool = False) -> "ImageContext":
        """Return the same image with other beliefs.

        A pixel's label changes where the likeliest class is another than it was on this image's own grid; all others
        are kept as they are, finer than a grid's cells.

        Args:
            grid: What is believed instead.
            anew: Nothing is kept as it is.
        """
        label_map = grid.label_map(grid.log_probabilities).to(self.label_map.dtype)
        if not anew:
            before = self.grid.label_map(self.grid.log_probabilities)
            label_map = torch.where(before == label_map, self.label_map, label_map)
        other = self.on(label_map)
        other.grid = replace(grid, labels=sample_nearest(label_map, grid.frame))
        return other

    def keep_grids(self, wanted: bool, pixels_wanted: bool, scores_wanted: bool = False) -> None:
        """Compute the grids that are wanted, and let go of the class scores, which may be large, unless they are."""
        if wanted:
            _ = self.grid
        if pixels_wanted:
            _ = self.pixel_grid
        if not scores_wanted:
            self.logits = None

    def _grid_of(self, frame: Frame) -> Grid:
        return make_grid(self.image, self.label_map, self.logits, frame, self.background, on_host=self.on_host)
