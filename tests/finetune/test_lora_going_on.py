"""LoRA and decoders of three generations of SAM go on as unbroken runs, and small matrices are merged at the end."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import RunCli
from tests.finetune.lora_fits import Fitted
from tests.finetune.lora_prompts import largest_difference

# Of Lightning's, where a training goes on in another folder.
elsewhere = pytest.mark.filterwarnings("ignore:The dirpath has changed")


def go_on(run_cli: RunCli, fitted: Fitted, out: Path, *more: object) -> dict[str, torch.Tensor]:
    last = fitted.folder.parent / "out/checkpoints/last.ckpt"
    outcome = run_cli(*fitted.words, "--ckpt_path", last, "--output_dir", out, *more)
    assert outcome.code == 0, outcome.err
    half = torch.load(last, weights_only=True)
    assert half["epoch"] == 0
    return load_file(out / "adapter.safetensors")


def check_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@elsewhere
def test_lora_goes_on_as_an_unbroken_run(adapted: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    parts = go_on(run_cli, adapted, tmp_path / "parts")
    check_equal(parts, load_file(adapted.folder / "adapter.safetensors"))


# By default those of LoRA go on, and segment-anything's decoder in test_decoder_going_on.py.
@pytest.mark.slow
@elsewhere
def test_a_decoder_goes_on_as_an_unbroken_run(decoded: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    parts = go_on(run_cli, decoded, tmp_path / "parts")
    check_equal(parts, load_file(decoded.folder / "adapter.safetensors"))


@elsewhere
def test_merged_weights_answer_as_the_small_matrices_do(adapted: Fitted, run_cli: RunCli, tmp_path: Path) -> None:
    """The training is at its end, so nothing but the file is made anew."""
    last = adapted.folder / "checkpoints/last.ckpt"
    words = (*adapted.words, "--model.merged", True, "--ckpt_path", last, "--output_dir", tmp_path / "merged")
    outcome = run_cli(*words)
    assert outcome.code == 0, outcome.err
    path = tmp_path / "merged/adapter.safetensors"
    state = load_file(path)
    assert not any("lora" in name for name in state)
    assert {name.rpartition(".")[0] for name in state} == {
        name.partition(".lora_")[0] for name in load_file(adapted.folder / "adapter.safetensors")
    }
    small, merged, frozen = adapted.load("adapter.safetensors"), adapted.load(path), adapted.load()
    assert largest_difference(small, merged) < 1e-5
    assert largest_difference(small, frozen) > 1e-3
    # Embeddings of the three are not each other's: not for a cache, and not for a memory of features.
    assert len({small.identity, merged.identity, frozen.identity}) == 3
    assert len({small.features_sha256, merged.features_sha256, frozen.features_sha256}) == 3
    assert frozen.features_sha256 == frozen.sha256 == small.sha256
    assert small.adapter is not None
    assert merged.adapter is not None
    assert small.adapter.trained_on == merged.adapter.trained_on
    assert len(small.adapter.trained_on) == 2
