"""A decoder that learns classes: trained, written, read and gone on with, through the real command line."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.cache import TensorStore
from lit_samseg.checkpoints.adapter import read_adapter
from lit_samseg.data import Scenes
from lit_samseg.finetune import SamRefinerFinetune
from lit_samseg.finetune.frozen_views import FrozenViews
from lit_samseg.finetune.sam_refiner import FASTER
from lit_samseg.finetune.training_prompts import without_class
from lit_samseg.sam import Prompt, SegmentAnything
from tests.conftest import RunCli, refuses
from tests.finetune.snapshots import SNAPSHOT, put_back
from tests.finetune.test_fit import CONFIG, curve, evaluated

WORDS = ("fit", "--config", CONFIG, "--model.classes", True, "--model.unknown", 0.8, "--model.rivals", 0.7)
WORDS += ("--model.second_look", 1.5)
WORDS += ("--data.subset", 2, "--data.training.subset", 2, "--data.training.batch_size", 1, "--trainer.max_epochs", 2)


def test_going_on_and_evaluating(run_cli: RunCli, tmp_path: Path) -> None:
    """What is gone on with ends as an unbroken run, and an evaluation scores what the validation did."""
    assert run_cli(*WORDS, *SNAPSHOT, "--output_dir", tmp_path / "parts").code == 0
    put_back(tmp_path / "parts")
    last = tmp_path / "parts/checkpoints/last.ckpt"
    assert read_adapter(last).class_names == Scenes.class_names
    assert read_adapter(last).second_look == 1.5
    outcome = run_cli(*WORDS, "--output_dir", tmp_path / "parts", "--ckpt_path", last)
    assert outcome.code == 0, outcome.err
    whole, parts = (load_file(tmp_path / name / "adapter.safetensors") for name in ("whole", "parts"))
    assert {name.split(".")[0] for name in whole} == {"mask_decoder", "class_prompts"}
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert whole["class_prompts.kinds.weight"].abs().max() > 0
    assert whole["class_prompts.tokens.weight"].abs().max() > 0
    assert whole["class_prompts.kinds.weight"][len(Scenes.class_names)].abs().max() > 0  # the unknown class
    adapter = tmp_path / "whole/adapter.safetensors"
    # Embeddings are kept in half precision while something learns.
    halved = ("--model.cache_dir", tmp_path / "cache", "--model.cache_dtype", "fp16")
    results = evaluated(run_cli, tmp_path / "test", "--model.sam.adapter", adapter, *halved)
    final = float(curve(tmp_path / "whole")[-1]["val/miou"])
    assert results["rows"][1]["miou"] == pytest.approx(final, abs=1e-9)
    assert json.loads((tmp_path / "test/results.json").read_text())["sam"]["adapter"]["file"] == str(adapter)
    unknown = ("--model.sam.adapter", adapter, "--model.sam.unknown_classes", True)
    unnamed = evaluated(run_cli, tmp_path / "unnamed", *unknown)
    assert unnamed["rows"][0] == results["rows"][0]

    module = SamRefinerFinetune(
        *(MobileNetV2DeepLab("demo"), SegmentAnything("demo", adapter=str(adapter))),
        class_names=Scenes.class_names,
        background=0,
    )
    assert module.adapter().class_names == Scenes.class_names  # it goes on listening
    refuses(
        lambda: SegmentAnything("demo", adapter=str(adapter)).check_classes(tuple("abcdefgh")),
        "knows 9 classes",
    )


def test_what_listens_learns_faster() -> None:
    module = SamRefinerFinetune(
        *(MobileNetV2DeepLab("demo"), SegmentAnything("demo")),
        lr=1e-3,
        classes=True,
        class_names=Scenes.class_names,
        background=0,
    )
    old, new = module.weights_by_rate()
    assert "lr" not in old
    assert new["lr"] == FASTER * 1e-3
    names = {id(weight): name for name, weight in module.trained_weights().items()}
    assert all(names[id(weight)].startswith("sam.model.mask_decoder.") for weight in old["params"])
    assert all(names[id(weight)].startswith("sam.model.class_prompts.") for weight in new["params"])
    assert len(old["params"]) + len(new["params"]) == len(names)
    assert "class_prompts" not in "".join(
        SamRefinerFinetune(
            *(MobileNetV2DeepLab("demo"), SegmentAnything("demo")), class_names=Scenes.class_names, background=0
        ).trained_weights()
    )


@pytest.mark.parametrize("unknown", [0.0, 1.0])
def test_prompts_name_their_class_or_none(unknown: float, tmp_path: Path) -> None:
    """What learns of a class is the vector of those named: all but the unknown one's, or that alone."""
    module = SamRefinerFinetune(
        *(MobileNetV2DeepLab("demo"), SegmentAnything("demo")),
        classes=True,
        unknown=unknown,
        class_names=Scenes.class_names,
        background=0,
    )
    module.views = FrozenViews(module.evaluation.predictor, TensorStore(tmp_path, 10**8))
    loss = module._loss(Scenes(size=1).read("scene_00000", with_target=True))
    assert loss is not None
    loss.backward()
    assert module.sam.classes is not None
    grown = module.sam.classes.kinds.weight.grad
    assert grown is not None
    moved = grown.abs().amax(1) > 0
    assert bool(moved[-1]) == (unknown == 1)
    assert bool(moved[:-1].any()) == (unknown == 0)


def test_options_that_cannot_be() -> None:
    networks = (MobileNetV2DeepLab("demo"), SegmentAnything("demo"))
    refuses(lambda: SamRefinerFinetune(*networks, unknown=1.5, class_names=Scenes.class_names), "model.unknown is 1.5")


def test_a_prompt_without_its_class_keeps_what_is_believed_of_it() -> None:
    beliefs = torch.rand(5, 4, 4) + 0.1
    prompt = without_class(Prompt(class_id=2, beliefs=beliefs))
    assert prompt.class_id is None
    assert prompt.beliefs is not None
    assert torch.equal(prompt.beliefs[:2], beliefs[:2])
    assert (prompt.beliefs[2:] == 0).all()
    assert (beliefs > 0).all()
