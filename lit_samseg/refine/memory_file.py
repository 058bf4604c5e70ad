"""The file of a memory of features: safetensors, with what it belongs to."""

import json
from pathlib import Path

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.checkpoints.weights import read_safetensors_metadata, read_state_dict, sha256_of_file
from lit_samseg.checkpoints.writing import write_safetensors
from lit_samseg.errors import InputError
from lit_samseg.refine.cell_memory import CellMemory
from lit_samseg.refine.convolutional_memory import ConvolutionalMemory
from lit_samseg.refine.feature_memory import FeatureMemory

FORMAT = "lit_samseg.memory"
CELLS = "cells"
KINDS: dict[str, type[CellMemory] | type[ConvolutionalMemory]] = {
    CELLS: CellMemory,
    "convolutional": ConvolutionalMemory,
}
"""What a file's ``kind`` says; files of earlier versions say nothing, and are of `CELLS`."""


def write_memory(memory: FeatureMemory, path: Path) -> None:
    """Write a memory of one of the `KINDS`, and the images that it was fitted on."""
    (kind,) = (name for name, own in KINDS.items() if isinstance(memory, own))
    facts = {
        "format": FORMAT,
        "kind": kind,
        "class_names": json.dumps(list(memory.class_names)),
        "sam_sha256": json.dumps(memory.sam_sha256),
        "trained_on": json.dumps(memory.trained_on.listed()),
        "unseen": json.dumps(memory.unseen),
    }
    write_safetensors(memory.state_dict(), path, facts)


def read_memory(path: Path) -> FeatureMemory:
    """Read ``memory.safetensors``; nothing in it is run.

    Raises:
        InputError: There is no such file, or it is no memory.
    """
    state = read_state_dict(path)
    try:
        facts = read_safetensors_metadata(path)
        if facts.get("format") != FORMAT:
            raise ValueError
        names, sam, images = (json.loads(facts[name]) for name in ("class_names", "sam_sha256", "trained_on"))
        kind = KINDS[facts.get("kind", CELLS)]
        if not isinstance(names, list) or not (sam is None or isinstance(sam, str)):
            raise ValueError
        seen, sha256 = TrainedOn.read(images), sha256_of_file(path)
        # Files of earlier versions do not say so: they were counted on training images.
        unseen = json.loads(facts.get("unseen", "false"))
        if not isinstance(unseen, bool):
            raise ValueError
        memory: FeatureMemory = kind(tuple(map(str, names)), *kind.sizes(state), sam, seen, sha256)
        memory.unseen = unseen
        memory.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is no memory; give the memory.safetensors that lit-samseg fit wrote") from error
    if not (memory.mixed_up >= 0).all():
        raise InputError(f"memory {path} is damaged; fit it again with lit-samseg fit")
    return memory.eval().requires_grad_(requires_grad=False)


def check_memory(memory: FeatureMemory, path: str, class_names: tuple[str, ...] | None, sam_sha256: str) -> None:
    """See that a memory is at home with a data set's classes and with a SAM.

    Args:
        memory: The memory.
        path: Where it came from.
        class_names: The data set's; None where they are not known.
        sam_sha256: SHA-256 of the SAM that is used.

    Raises:
        InputError: It knows other classes, or another SAM's features.
    """
    if class_names is not None and memory.class_names != class_names:
        raise InputError(
            f"memory {path} knows {len(memory.class_names)} classes ({', '.join(memory.class_names[:3])}, ...), not "
            f"the data set's {len(class_names)} ({', '.join(class_names[:3])}, ...); fit one on images of this data set"
        )
    if memory.sam_sha256 is not None and memory.sam_sha256 != sam_sha256:
        raise InputError(
            f"memory {path} knows the features of another SAM (SHA-256 {memory.sam_sha256[:12]}..., not "
            f"{sam_sha256[:12]}...; with another adapter it is another); give that one, or fit a memory with this one"
        )
