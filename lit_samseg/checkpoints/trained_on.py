"""Images that something was trained on cannot be evaluated on, under whatever name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lit_samseg.checkpoints.weights import read_safetensors_metadata
from lit_samseg.checkpoints.writing import set_facts
from lit_samseg.errors import InputError

FACT = "trained_on"
"""Name of the list in a file's metadata."""
_REMEDY = "evaluate on others: give --data.ids or --data.split"


@dataclass(frozen=True)
class TrainedOn:
    """The images of a training.

    Attributes:
        digests: By ``data set/key`` of each image, the SHA-256 of its pixels (`lit_samseg.data.digests`); None where
            that is not known, as of files of earlier versions.
    """

    digests: Mapping[str, str | None] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.digests)

    def __or__(self, other: "TrainedOn") -> "TrainedOn":
        """Return the images of both."""
        return TrainedOn(
            {key: other.digests.get(key) or self.digests.get(key) for key in {**self.digests, **other.digests}}
        )

    def listed(self) -> list[str | list[str]]:
        """Return what files hold: of each image its key, or the pair of key and digest."""
        return [key if digest is None else [key, digest] for key, digest in sorted(self.digests.items())]

    @classmethod
    def read(cls, images: object) -> "TrainedOn":
        """Read what `listed` gave.

        Raises:
            ValueError: It is no such list.
        """
        if not isinstance(images, list):
            raise ValueError("expected a list of images")
        pairs: list[Any] = [image if isinstance(image, list) else [image, None] for image in images]
        for pair in pairs:
            if len(pair) != 2 or not isinstance(pair[0], str) or not isinstance(pair[1], str | None):
                raise ValueError("expected images with their digests")
        return cls(dict(pairs))


class Trained(Protocol):
    """A file that a training wrote."""

    @property
    def trained_on(self) -> TrainedOn:
        """The images."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file; empty for one that is not written yet."""


def check_evaluated(trained_on: TrainedOn, images: Mapping[str, str | None], path: str, by_name: bool = True) -> int:
    """Refuse an evaluation on images of the training.

    An image is one of the training's if its pixels are. Without them, or if they differ, the key decides, for one file
    may be decoded in two ways; but not where keys are no more than names of files.

    Args:
        trained_on: The training's.
        images: Those of the evaluation, with the digests of their pixels as far as they are known.
        path: What was trained, for the message.
        by_name: Whether a key means the same image wherever the data set lies.

    Returns:
        How many images have a key of the training's and other pixels, and are taken for others.

    Raises:
        InputError: Some of the images were trained on.
    """
    owners = {digest: key for key, digest in trained_on.digests.items() if digest is not None}
    found: dict[str, str] = {}
    others = 0
    for key, digest in images.items():
        if digest is not None and digest in owners:
            found[key] = owners[digest]
        elif key in trained_on.digests:
            if by_name or digest is None or trained_on.digests[key] is None:
                found[key] = key
            else:
                others += 1
    if found:
        first, was = min(found.items())
        known = "" if first == was else f", which has the pixels of {was}"
        raise InputError(f"{len(found)} of the images were used to train {path} (first: {first}{known}); {_REMEDY}")
    return others


def read_trained_on(files: Sequence[Path]) -> TrainedOn:
    """Return which images a network's weight files say it was trained on; mostly none.

    Raises:
        InputError: A file says it and cannot be understood.
    """
    found = TrainedOn()
    for path in files:
        try:
            found |= TrainedOn.read(json.loads(read_safetensors_metadata(path).get(FACT, "[]")))
        except ValueError as error:
            raise InputError(f"{path} does not say rightly what it was trained on; train it again") from error
    return found


def note_trained_on(files: Sequence[Path], trained_on: TrainedOn) -> None:
    """Have a network's safetensors files say which images it was trained on."""
    for path in files:
        set_facts(path, {FACT: json.dumps(trained_on.listed())})
