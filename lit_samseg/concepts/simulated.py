"""What words would add, if a text-prompted network made so many errors of each kind: an experiment, never a result."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.special import betaincinv
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, SeenImage
from lit_samseg.errors import InputError
from lit_samseg.ontologies import find_phrases
from lit_samseg.sam.frame import Frame

_SIZE, _MASK_SIZE = 1024, 256

_FOUND, _CLAIMED, _SILENT = (4.0, 2.0), (3.0, 3.0), (1.5, 5.0)
"""Beta distributions of what is thought of true claims, of false ones, and of phrases that are not claimed. They
overlap, as a network's do: no threshold parts them."""

_SQUEEZE = 0.25
"""The presence is that to this power: 0.5 becomes 0.84, so that nearly everything seems to be there. A real network's
scale is as arbitrary; only calibration can undo it."""

_STEEPNESS, _SUREST, _NOTHING = 1.5, 12.0, -8.0
"""Logits by the cell of distance from the outline; their limit; their middle where nothing is claimed. True and false
claims are equally sure."""

_COARSE = 40
"""Independent numbers along the side of the noise that moves outlines, one for every 6.4 cells."""

_LEAST_RADIUS, _LARGEST_RADIUS = 0.05, 0.25
"""Half axes of what is seen where nothing is, in longer sides of the image."""


@dataclass(frozen=True)
class _Known:
    digest: bytes  # of the image's pixels
    target: Tensor  # on the CPU
    there: tuple[int, ...]  # classes, ascending, without void


class SimulatedConcepts(ConceptSegmenter):
    """A text-prompted segmenter whose errors are chosen: it knows the ground truth, and says it wrongly.

    A class that is in the image is missed with probability ``misses``; else its true region comes with an outline that
    is off. A class that is not there is claimed with probability ``false_alarms``: half the time where another class
    is, or in a part of that, else in an ellipse anywhere. Scores say little about which is which and are on no scale of
    probabilities. All follows from the image's pixels, the phrase and the seed; the phrases of one class are missed or
    claimed together, each with scores and an outline of its own. Fewer errors of a kind are some of the more.

    Args:
        classes: A shipped ontology's name or a file (`lit_samseg.ontologies`): which phrases mean which class. A
            class's place in it is its id in the ground truth, so all are there, the background with null.
        misses: How likely a class that is there is missed.
        false_alarms: How likely one that is not there is claimed.
        seed: Another one gives other errors.
        roughness: By how many cells outlines are off, standard deviation; 256 cells are the image's longer side. Of
            small regions, by half of their depth at most.
        ignore_index: Void in the ground truth, which is no class.

    Raises:
        InputError: A probability is not from 0 to 1, the roughness is negative, or there is no such ontology.
    """

    needs_truth = True

    def __init__(
        self,
        classes: str = "voc2012",
        misses: float = 0.2,
        false_alarms: float = 0.2,
        seed: int = 0,
        roughness: float = 3.0,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        for option, value in (("misses", misses), ("false_alarms", false_alarms)):
            if not 0 <= value <= 1:
                raise InputError(f"concepts.{option} is {value}; it is a probability, from 0 to 1")
        if not 0 <= roughness < _MASK_SIZE:
            raise InputError(f"concepts.roughness is {roughness}; give from 0 to {_MASK_SIZE - 1} cells")
        self.classes, self.misses, self.false_alarms = classes, misses, false_alarms
        self.seed, self.roughness, self.ignore_index = seed, roughness, ignore_index
        known = find_phrases(classes)
        self.num_classes = len(known)
        self._class_of = {
            phrase.casefold(): class_id for class_id, own in enumerate(known.values()) for phrase in own or ()
        }
        self._asked_for = {class_id for class_id, own in enumerate(known.values()) if own is not None}
        self.name = f"simulated ({misses * 100:g} % missed, {false_alarms * 100:g} % false alarms)"
        self.checkpoint, self.sha256 = "simulated", None

    def frame(self, image: Tensor) -> Frame:
        """Return SAM's own frame: 256 cells are the longer side."""
        return Frame(image.shape[-2], image.shape[-1], _SIZE, _MASK_SIZE)

    def encode(self, image: Tensor, target: Tensor | None = None) -> SeenImage:
        """Look at the truth.

        Raises:
            InputError: It has a class that the ontology does not have.
            ValueError: There is none, or its size is another.
        """
        if target is None:
            raise ValueError("simulated concepts need the ground truth: they are for test, not for predict")
        if target.shape != image.shape[-2:]:
            raise ValueError(f"the ground truth is {tuple(target.shape)}, the image {tuple(image.shape[-2:])}")
        here = target.cpu().long()
        there = tuple(label for label in torch.unique(here).tolist() if label != self.ignore_index)
        if any(not 0 <= label < self.num_classes for label in there):
            raise InputError(
                f"the ground truth has class {max(there)}, but the ontology {self.classes} has {self.num_classes} "
                "classes, each line being one; set --model.concepts.classes to that of the data set"
            )
        pixels = hashlib.sha256(str(tuple(image.shape)).encode())
        pixels.update(image.cpu().contiguous().numpy().tobytes())
        return SeenImage(self.frame(image), _Known(pixels.digest(), here, there))

    def segment(self, seen: SeenImage, phrases: Sequence[str]) -> Concepts:
        """Say wrongly what is there; all on the CPU.

        Raises:
            InputError: A phrase is not in the ontology.
        """
        self.check_phrases(phrases)
        presence, semantic = torch.zeros(len(phrases)), torch.zeros(len(phrases), _MASK_SIZE, _MASK_SIZE)
        depths: dict[int, Tensor | None] = {}
        for n, phrase in enumerate(phrases):
            class_id = self._class_of[phrase.casefold()]
            if class_id not in depths:
                depths[class_id] = self._depth(seen, class_id)
            presence[n], semantic[n] = self._answer(seen, phrase, depths[class_id])
        return Concepts(seen.frame, presence, semantic)

    def check_phrases(self, phrases: Sequence[str]) -> None:
        """See that all phrases are in the ontology.

        Raises:
            InputError: One is not.
        """
        super().check_phrases(phrases)
        for phrase in phrases:
            if phrase.casefold() not in self._class_of:
                raise InputError(
                    f"{phrase!r} is no phrase of the ontology {self.classes}, so nobody knows whether it is there; set "
                    "--model.concepts.classes to the one that the phrases are from"
                )

    def _draws(self, seen: SeenImage, of: str) -> np.random.Generator:
        """Return the random numbers of an image and of a text; `Generator.random` alone, which numpy keeps stable."""
        digest = hashlib.sha256(seen.content.digest + f"{self.seed} {of}".encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest)))

    def _depth(self, seen: SeenImage, class_id: int) -> Tensor | None:
        """Return how deep each cell is in what is claimed of a class, negative outside; None where nothing is."""
        known, draws = seen.content, self._draws(seen, f"class {class_id}")
        chance = draws.random()
        if class_id in known.there:
            return None if chance < self.misses else _depth_of(seen.frame, _cells(seen.frame, known.target == class_id))
        if chance >= self.false_alarms:
            return None
        others = [label for label in known.there if label in self._asked_for]
        blob = _ellipse(seen.frame, draws)
        if not others or draws.random() < 0.5:
            return _depth_of(seen.frame, blob)
        region = _cells(seen.frame, known.target == others[int(draws.random() * len(others))])
        part = region & blob
        return _depth_of(seen.frame, part if draws.random() < 0.5 and part.any() else region)

    def _answer(self, seen: SeenImage, phrase: str, depth: Tensor | None) -> tuple[float, Tensor]:
        """Return a phrase's presence and its logits ``[mask_size, mask_size]``."""
        known, draws = seen.content, self._draws(seen, f"phrase {phrase.casefold()}")
        thought = _SILENT
        if depth is not None:
            thought = _FOUND if self._class_of[phrase.casefold()] in known.there else _CLAIMED
        presence = float(betaincinv(*thought, draws.random())) ** _SQUEEZE
        noise = _noise(draws)
        if depth is None:
            return presence, _NOTHING + noise
        moved = depth + noise * min(self.roughness, float(depth.max()) / 2)
        return presence, (moved * _STEEPNESS).clamp(-_SUREST, _SUREST)


def _used(frame: Frame) -> tuple[int, int]:
    """Return how many rows and columns of cells the image has."""
    rows, columns = (max(1, round(side * _MASK_SIZE / _SIZE)) for side in frame.resized)
    return rows, columns


def _cells(frame: Frame, mask: Tensor) -> Tensor:
    """Return which cells are mostly of a mask ``[H, W]``, bool ``[mask_size, mask_size]``; the fullest one at least."""
    rows, columns = _used(frame)
    share = F.interpolate(mask[None, None].float(), (rows, columns), mode="area")[0, 0]
    cells = torch.zeros(_MASK_SIZE, _MASK_SIZE, dtype=torch.bool)
    cells[:rows, :columns] = share >= min(0.5, float(share.max()))
    return cells


def _ellipse(frame: Frame, draws: np.random.Generator) -> Tensor:
    """Return an ellipse with its middle in the image, bool ``[mask_size, mask_size]``."""
    rows, columns = _used(frame)
    y, x = draws.random() * rows, draws.random() * columns
    spread = _LARGEST_RADIUS / _LEAST_RADIUS
    across, down = (_LEAST_RADIUS * _MASK_SIZE * spread ** draws.random() for _ in range(2))
    at = torch.arange(_MASK_SIZE) + 0.5
    inside: Tensor = ((at[:, None] - y) / down) ** 2 + ((at[None] - x) / across) ** 2 <= 1
    return inside & (at[:, None] < rows) & (at[None] < columns)


def _depth_of(frame: Frame, cells: Tensor) -> Tensor:
    """Return each cell's distance from the outline, in cells, negative outside.

    The image's border is no outline: what touches it goes on beyond.
    """
    rows, columns = _used(frame)
    used = cells[:rows, :columns].numpy()
    inside = np.pad(used, ((0, _MASK_SIZE - rows), (0, _MASK_SIZE - columns)), mode="edge").view(np.uint8)
    if inside.all():
        return torch.full(cells.shape, float(_MASK_SIZE))
    within, without = (cv2.distanceTransform(one, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for one in (inside, 1 - inside))
    return torch.from_numpy(within - without)


def _noise(draws: np.random.Generator) -> Tensor:
    """Return smooth noise of mean 0 and standard deviation 1, ``[mask_size, mask_size]``."""
    coarse = draws.random((_COARSE, _COARSE)).astype(np.float32)
    smooth = cv2.resize(coarse, (_MASK_SIZE, _MASK_SIZE), interpolation=cv2.INTER_CUBIC)
    return torch.from_numpy((smooth - smooth.mean()) / smooth.std())
