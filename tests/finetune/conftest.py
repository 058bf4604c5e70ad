"""Trainings that several files look at, made once."""

from functools import partial
from pathlib import Path

import pytest

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.finetune import SamRefinerFinetune
from lit_samseg.sam import SegmentAnything
from tests.conftest import made_once, run_quietly
from tests.finetune.demo_fit import CONFIG, PLAIN, SMALL, Make
from tests.finetune.lora_fits import KINDS, LORA, Fitted, fit_once


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs over four scenes, with a moving average of the weights; only the last one is validated."""

    def make(folder: Path) -> None:
        words = ("--model.average", 0.5, "--model.lr", 0.004, "--trainer.max_epochs", 3, "--output_dir", folder)
        words += ("--trainer.check_val_every_n_epoch", 3)
        run_quietly("fit", "--config", CONFIG, *SMALL, *PLAIN, *words)

    return made_once(tmp_path_factory, "trained", make)


@pytest.fixture(scope="module")
def make_module() -> Make:
    """Make a module of the built-in networks, which no test trains."""
    baseline, sam = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    return partial(SamRefinerFinetune, baseline, sam, class_names=Scenes.class_names, background=0)


# By default gradients reach all of SAM-HQ and its answers are its decodes, in test_trainable_sams.py.
@pytest.fixture(scope="module", params=[*KINDS[:2], pytest.param(KINDS[2], marks=pytest.mark.slow)])
def adapted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Three epochs of LoRA in both parts, as a whole, and in a sister ``out`` as they were after the first."""
    return fit_once(tmp_path_factory, request.param, "lora", *LORA)


# By default LoRA trains the decoders of the other families too, and gradients reach all of each in that file.
@pytest.fixture(scope="module", params=[KINDS[0], *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:])])
def decoded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """The same of the whole mask decoder, without LoRA."""
    return fit_once(tmp_path_factory, request.param, "decoder")
