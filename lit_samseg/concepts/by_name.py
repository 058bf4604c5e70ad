"""The text-prompted segmenter that a checkpoint's name calls for."""

from pathlib import Path

from lit_samseg.checkpoints.hub import find_checkpoint_folder
from lit_samseg.checkpoints.pretrained import read_config
from lit_samseg.concepts.boxes_by_text import BoxesByText
from lit_samseg.concepts.detectors import DETECTORS
from lit_samseg.concepts.families import FAMILIES
from lit_samseg.concepts.hub_concepts import HubConcepts
from lit_samseg.concepts.tiny import TinyConcepts
from lit_samseg.errors import InputError

PUBLISHED = (
    "facebook/sam3",
    "CIDAS/clipseg-rd64-refined",
    "IDEA-Research/grounding-dino-tiny",
    "google/owlv2-base-patch16-ensemble",
)
"""Hub ids of one checkpoint of each kind."""


def concepts_class(checkpoint: str) -> type[HubConcepts | BoxesByText | TinyConcepts]:
    """Return the class that reads a checkpoint; of a hub id the checkpoint is downloaded once.

    Args:
        checkpoint: A folder or hub id in the layout of transformers; ``demo``, or a weight file of its kind.

    Raises:
        InputError: There is no such checkpoint, or no class reads it.
    """
    if checkpoint == "demo" or Path(checkpoint).expanduser().is_file():
        return TinyConcepts
    folder = find_checkpoint_folder(checkpoint, "text-prompted")
    model_type = read_config(folder, "text-prompted")["model_type"]
    if model_type in FAMILIES:
        return HubConcepts
    if model_type in DETECTORS:
        return BoxesByText
    known = ", ".join((*FAMILIES, *DETECTORS))
    raise InputError(
        f"{folder / 'config.json'} describes {model_type!r}, which is not prompted by words; of these are {known}"
    )
