"""The folder of an exported SAM: two graphs, and what a program must know to feed them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.checkpoints.weights import sha256_of_file
from lit_samseg.errors import InputError

ENCODER, DECODER, DESCRIPTION = "encoder.onnx", "decoder.onnx", "sam.json"
FORMAT = "lit_samseg.onnx_sam/1"

FOREGROUND, BACKGROUND, TOP_LEFT, BOTTOM_RIGHT, NO_POINT = 1.0, 0.0, 2.0, 3.0, -1.0
"""Labels of points, as segment-anything numbers them; a box is its two corners."""


@dataclass(frozen=True)
class Padding:
    """How many points with label `NO_POINT` a SAM adds, by what there is in a prompt.

    Attributes:
        points: Where there are points and no box.
        box: Where there is a box.
        neither: Where there is only a mask.
    """

    points: int
    box: int
    neither: int


@dataclass(frozen=True)
class TrainedAdapter:
    """What is known of the fine-tuning whose weights were exported.

    Attributes:
        sha256: SHA-256 of its file.
        trained_on: The images; they cannot be evaluated on.
    """

    sha256: str
    trained_on: TrainedOn


@dataclass(frozen=True)
class OnnxSam:
    """What ``sam.json`` says.

    Attributes:
        name: What the SAM is, for tables and files.
        weights: SHA-256 of the weights that were exported.
        image_size: Side of the square that the encoder sees.
        mask_size: Side of mask prompts and low-resolution logits.
        stretched: Whether an image is stretched to the square (SAM 2); else it is padded with zeros.
        mean: Of red, green and blue, of 0 to 255.
        std: Likewise.
        candidates: How many masks a prompt gets beside the single one.
        levels: How many outputs of the encoder the decoder takes beside the embedding.
        padding: Points that are added to a prompt.
        opset: Version of ONNX's operators.
        files: SHA-256 by file.
        adapter: The fine-tuning, or None.
    """

    name: str
    weights: str
    image_size: int
    mask_size: int
    stretched: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    candidates: int
    levels: int
    padding: Padding
    opset: int
    files: Mapping[str, str]
    adapter: TrainedAdapter | None = None

    def write(self, folder: Path) -> None:
        """Write ``sam.json``."""
        facts = {"format": FORMAT} | asdict(self)
        if self.adapter is not None:
            facts["adapter"] = {"sha256": self.adapter.sha256, "trained_on": self.adapter.trained_on.listed()}
        (folder / DESCRIPTION).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "OnnxSam":
        """Read ``sam.json``, and see that the graphs beside it are those it tells of.

        Raises:
            InputError: There is no such folder, it holds no exported SAM, or a file is missing or another one.
        """
        path = folder / DESCRIPTION
        if not is_onnx_sam(folder):
            raise InputError(f"{folder} holds no {DESCRIPTION}; give a folder that lit-samseg export wrote")
        try:
            facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if facts.pop("format") != FORMAT:
                raise ValueError
            adapter = facts.pop("adapter")
            described = cls(
                **facts
                | {"padding": Padding(**facts["padding"]), "mean": tuple(facts["mean"]), "std": tuple(facts["std"])},
                adapter=adapter and TrainedAdapter(adapter["sha256"], TrainedOn.read(adapter["trained_on"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} does not describe an exported SAM; export it again") from error
        for name, sha256 in described.files.items():
            file = folder / name
            if not file.is_file():
                raise InputError(f"{file} is missing; export this SAM again")
            if sha256_of_file(file) != sha256:
                raise InputError(f"{file} is not the file that was exported with {path}; export this SAM again")
        return described


def is_onnx_sam(folder: Path) -> bool:
    """Tell whether a folder holds an exported SAM."""
    return (folder / DESCRIPTION).is_file()
