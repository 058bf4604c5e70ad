"""Trainings of three generations of SAM that several files look at: LoRA, and whole decoders."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lit_samseg.sam import HubSam, SegmentAnything, TrainableSegmenter
from tests.conftest import PROJECT, made_once, run_quietly
from tests.finetune.snapshots import SNAPSHOT, put_back
from tests.sam import tiny_hub
from tests.sam.tiny_official import save_official

KINDS = ["official", "sam2_video", "sam_hq"]
BOTH: Any = ["mask_decoder", "image_encoder"]
# No noise and no corruption: the same questions in each epoch, so that the loss says what was learnt.
FIT: tuple[object, ...] = (
    *("fit", "--config", PROJECT / "configs/demo_finetune.yaml", "--data.subset", 1, "--data.training.subset", 2),
    *("--data.training.batch_size", 1, "--data.training.views", 1, "--trainer.max_epochs", 3, "--model.lr", 0.004),
    *("--model.noise", 0, "--model.truth", 0, "--model.jitter", 0, "--trainer.num_sanity_val_steps", 0),
    *("--trainer.check_val_every_n_epoch", 3, "--model.seed", 0, "--data.training.seed", 0),
)
LORA = ("--model.lora.rank", 4, "--model.lora.alpha", 8, "--model.lora.parts", "[mask_decoder, image_encoder]")


def save(kind: str, path: Path) -> Path:
    if kind == "official":
        return save_official(path.with_suffix(".safetensors"))
    tiny_hub.save(kind, path)
    return path


def sam_words(kind: str, checkpoint: Path) -> tuple[object, ...]:
    name = "SegmentAnything" if kind == "official" else "HubSam"
    return "--model.sam", f"lit_samseg.sam.{name}", "--model.sam.checkpoint", checkpoint


class Fitted(NamedTuple):
    """What a test needs of a training."""

    kind: str
    words: tuple[object, ...]
    checkpoint: Path
    folder: Path

    def load(self, adapter: str | Path | None = None) -> TrainableSegmenter:
        """Load the SAM, with an adapter of the folder."""
        file = None if adapter is None else str(self.folder / adapter)
        if self.kind == "official":
            return SegmentAnything(str(self.checkpoint), adapter=file)
        return HubSam(str(self.checkpoint), adapter=file)


def fit_once(factory: pytest.TempPathFactory, kind: str, name: str, *words: object) -> Fitted:
    root = made_once(factory, f"{name}-{kind}", lambda folder: fit(folder, kind, *words))
    checkpoint = root / "sam.safetensors" if kind == "official" else root / "sam"
    return Fitted(kind, (*FIT, *sam_words(kind, checkpoint), *words), checkpoint, root / "whole")


def fit(folder: Path, kind: str, *words: object) -> None:
    folder.mkdir()
    checkpoint = save(kind, folder / "sam")
    run_quietly(*FIT, *sam_words(kind, checkpoint), *words, *SNAPSHOT, "--output_dir", folder / "out")
    put_back(folder / "out")
