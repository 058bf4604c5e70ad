"""An image on SAM's low-resolution grid: what the baseline thinks of each cell, and what the cell looks like.

SAM gives a mask as logits on a grid of about 256 cells along the longer side. The baseline's class probabilities are
brought to the same cells, so that both can be added up; the sum goes back to the image the way SAM's own logits do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lit_samseg.refine.cells import cells_to_image, low_image, sample, sample_nearest
from lit_samseg.refine.class_scores import ClassScores, certain
from lit_samseg.runtime.transfer import download, upload
from lit_samseg.sam.frame import Frame
from lit_samseg.void import VOID

LEAST_PROBABILITY = 0.02
"""A class that is nowhere likelier takes no part."""
LABEL_PROBABILITY = 0.9
"""How sure a label map is thought to be of its labels, where nothing else is known of the baseline."""


@dataclass(frozen=True)
class Grid:
    """One image, ``h x w`` cells, ``A`` classes that may be in it.

    Attributes:
        frame: The image's frame.
        classes: Their ids, ascending, int64 ``[A]``; none, where nothing is known of the image.
        log_probabilities: float32 ``[A, h, w]``.
        labels: The baseline's label map at the cells' middles, integer ``[h, w]``.
        image: RGB in 0..255, float32 ``[3, h, w]``.
        scored: Whether the probabilities are of the baseline's own scores, not of its label map.
    """

    frame: Frame
    classes: Tensor
    log_probabilities: Tensor
    labels: Tensor
    image: Tensor
    scored: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """``(h, w)``."""
        height, width = self.image.shape[1:]
        return height, width

    @property
    def entropy(self) -> Tensor | None:
        """Mean entropy of the cells in nats, float32 scalar; None where the baseline gave no scores."""
        if not self.scored:
            return None
        return -(self.log_probabilities.exp() * self.log_probabilities).sum(0).mean()

    def label_map(self, scores: Tensor) -> Tensor:
        """Return the class of the largest score of each pixel of the image; of equal ones the lowest.

        Args:
            scores: float32 ``[A, h, w]``.

        Returns:
            int64 ``[H, W]``; `VOID` everywhere, if there is no class. Largest tensor: float32 ``[A, H, W]``.
        """
        if not len(self.classes):
            return self.classes.new_full((self.frame.height, self.frame.width), VOID)
        # max, and not argmax, promises the first of equal ones.
        return self.classes[self._at_pixels(scores).max(0).indices]

    def label_map_and_confidence(self, scores: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return the `label_map`, and how likely each pixel's class is among the grid's.

        Args:
            scores: As for `class_scores`.
            temperature: What scores are divided by first, for the second.

        Returns:
            int64 ``[H, W]``, and float32 ``[H, W]``, 0 where there is no class.
        """
        if not len(self.classes):
            nothing = self.label_map(scores)
            return nothing, torch.zeros_like(nothing, dtype=torch.float32)
        values = self._at_pixels(scores)
        largest, places = values.max(0)
        # Beside the padding a part of a pixel's cells is left out, which shrinks all its scores alike.
        inside = temperature * self._at_pixels(torch.ones_like(scores[:1]))[0]
        return self.classes[places], (largest / inside - (values / inside).logsumexp(0)).exp()

    def class_scores(self, scores: Tensor) -> ClassScores:
        """Return how likely the classes are at each pixel of the image; its label map is `label_map`'s.

        Args:
            scores: Log-probabilities but for a number that all classes of a cell have in common, float32 ``[A, h, w]``.
        """
        if not len(self.classes):
            return certain(self.label_map(scores))
        return ClassScores(self.classes, self._at_pixels(scores).softmax(0))

    def _at_pixels(self, scores: Tensor) -> Tensor:
        return cells_to_image(scores, self.frame)


def make_grid(
    image: Tensor,
    label_map: Tensor,
    logits: Tensor | None,
    frame: Frame,
    background: int | None,
    void: int | None = None,
    on_host: Tensor | None = None,
) -> Grid:
    """Bring an image and what the baseline says of it to SAM's grid.

    Args:
        image: uint8 ``[3, H, W]``.
        label_map: The baseline's, integer ``[H, W]``; of `VOID` nothing is known.
        logits: The baseline's, float ``[C, h, w]`` of any size; None where it has none: its label map is then believed
            to `LABEL_PROBABILITY`, as DenseCRF's examples do (``unary_from_labels``).
        frame: The image's.
        background: The background class, which is always among the classes, or None.
        void: Another label that says that nothing is known, or None.
        on_host: The label map on the CPU, where it is known already.
    """
    labels, colours = sample_nearest(label_map, frame), low_image(image, frame)
    if logits is None:
        (known,) = [on_host] if on_host is not None else download([label_map])
        (classes,) = upload([_classes(known, background, void, False)], image.device)
        one_hot = (label_map[None] == classes[:, None, None]).float()
        unsure = (1 - LABEL_PROBABILITY) / max(1, len(classes) - 1)
        # Of void, all classes are equally likely.
        share = one_hot * (LABEL_PROBABILITY - unsure) + unsure
        return Grid(frame, classes, sample(share, frame).log(), labels, colours)
    # Sampled before the softmax, as the baseline's own resizing is.
    cells = sample(logits.float(), frame).log_softmax(0)
    likely = cells.flatten(1).max(1).values.exp() > LEAST_PROBABILITY
    # A GPU is waited for once.
    known, likely = [on_host, *download([likely])] if on_host is not None else download([label_map, likely])
    found = _classes(known, background, void, True)
    (classes,) = upload([torch.unique(torch.cat([found, likely.nonzero()[:, 0]]))], image.device)
    return Grid(frame, classes, cells[classes], labels, colours, scored=True)


def likely_classes(probabilities: Tensor, background: int | None) -> Tensor:
    """Return the ids of the classes that take part where nothing but probabilities is known, ascending, int64 ``[A]``.

    Args:
        probabilities: Of all classes at each cell, float32 ``[C, h, w]``.
        background: As for `make_grid`.
    """
    likely = probabilities.flatten(1).amax(1) > LEAST_PROBABILITY
    # With many classes the likeliest one of a cell may be as unlikely as that.
    likely[torch.unique(probabilities.argmax(0))] = True
    if background is not None:
        likely[background] = True
    return likely.nonzero()[:, 0]


def _classes(label_map: Tensor, background: int | None, void: int | None, always: bool) -> Tensor:
    """Return the ids of the classes in a label map and of the background, ascending, int64 ``[A]``.

    Args:
        label_map: On the CPU.
        background: As for `make_grid`.
        void: Likewise.
        always: Whether the background is one of a map of void alone, of which nothing is known, not even that.
    """
    present = torch.unique(label_map).long()
    classes: Tensor = present[(present != VOID) & (present != (VOID if void is None else void))]
    if background is not None and (always or len(classes)):
        classes = torch.unique(torch.cat([classes, classes.new_tensor([background])]))
    return classes
