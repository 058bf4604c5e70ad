"""How sure a refined label map is of each pixel, without a ground truth.

A row that adds up scores knows it: the probability of the pixel's class, in the end, among the classes that may be in
the image, after a field's exaggeration is taken back (`Field.temperature`). A row that paints masks has SAM's word
only: the IoU that SAM predicts for the kept mask, times the mask's own probability at the pixel; where no mask of the
pixel's class was asked for, what the other classes' masks leave.

Either is a number for ordering, within a row: the higher, the likelier the label is right. How far it is also the share
of labels that are right was measured for the recommended row (docs/refinement.md).
"""

import torch
from torch import Tensor

from lit_samseg.refine.cells import cells_to_image
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.variant import Variant
from lit_samseg.void import VOID


class MaskConfidence:
    """Takes down how sure SAM is of the masks it gives about an image.

    Args:
        context: The image.

    Memory: a float32 ``[mask_size, mask_size]`` for each class.
    """

    def __init__(self, context: ImageContext) -> None:
        self._frame = context.frame
        self._claims: dict[int, Tensor] = {}

    def add(self, decision: Decision) -> None:
        """Take down the kept mask of a region."""
        quality = decision.scores.index_select(0, decision.chosen[None])[0].float().clamp(0, 1)
        claim = quality * decision.kept_logits.float().sigmoid()
        known = self._claims.get(decision.region.class_id)
        # Of several regions of a class, a cell belongs to the one that claims it most.
        self._claims[decision.region.class_id] = claim if known is None else torch.maximum(known, claim)

    def of(self, label_map: Tensor) -> Tensor:
        """Return the confidence of a label map that was made of these masks.

        Args:
            label_map: integer ``[H, W]``.

        Returns:
            float32 ``[H, W]`` in 0..1; 0 in void.
        """
        own = torch.zeros(label_map.shape, device=label_map.device)
        strongest, asked = own.clone(), torch.zeros_like(label_map, dtype=torch.bool)
        for class_id, claim in self._claims.items():
            whole, here = cells_to_image(claim, self._frame), label_map == class_id
            own = torch.where(here, whole, own)
            strongest, asked = torch.maximum(strongest, whole), asked | here
        return torch.where(asked, own, 1 - strongest).clamp(0, 1) * (label_map != VOID)


def confidence_unasked(context: ImageContext, variant: Variant) -> Tensor:
    """Return the confidence, float32 ``[H, W]``, of an image's own label map, where SAM was asked for nothing."""
    if not variant.adds_scores:
        return MaskConfidence(context).of(context.label_map)
    known = context.grid.label_map_and_confidence(context.grid.log_probabilities)[1]
    return known * (context.label_map != VOID)
