"""OpenVINO's encoder: torch's embeddings, another name in the cache, and a translation that is kept."""

import logging
from pathlib import Path

import pytest
import torch

from lit_samseg.errors import InputError
from lit_samseg.sam import Prompt, SegmentAnything
from lit_samseg.sam.official.encoder import check_backend


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install 'lit_samseg[openvino]'")
    monkeypatch.setenv("LIT_SAMSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/openvino"


def test_embeddings_are_torchs(kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    numbers = torch.Generator().manual_seed(0)
    sizes = ((90, 61), (128, 128))
    images = [torch.randint(0, 256, (3, *size), generator=numbers, dtype=torch.uint8) for size in sizes]
    plain, fast = SegmentAnything("demo"), SegmentAnything("demo", encoder="openvino")
    expected, got = plain.encode(images), fast.encode(images)
    for ours, theirs in zip(expected, got, strict=True):
        assert theirs.frame == ours.frame
        assert torch.allclose(theirs.features, ours.features, atol=1e-4)
    # An embedding stays what it was when the next is made.
    assert (got[0].features - got[1].features).abs().max() > 0.1
    prompts = [Prompt(box=torch.tensor([5.0, 5.0, 40.0, 50.0], dtype=torch.float64))]
    assert torch.allclose(plain.decode(expected[0], prompts).scores, fast.decode(got[0], prompts).scores, atol=1e-4)
    assert fast.sha256 == plain.sha256
    assert fast.identity not in (None, plain.identity)

    [model] = kept.glob("*.xml")
    assert model.with_suffix(".bin").is_file()
    assert len(list(kept.iterdir())) == 2
    with monkeypatch.context() as patched:
        patched.setattr(torch.export, "export", lambda *_, **__: pytest.fail("it is translated already"))
        again = SegmentAnything("demo", encoder="openvino").encode(images)
    assert torch.equal(again[0].features, got[0].features)
    with pytest.raises(InputError, match="computes on the processor, and the run is on meta"):
        fast.model.image_encoder(torch.empty(1, 3, 128, 128, device="meta"))

    class TranslatedAgainError(Exception):
        pass

    def translate(*_: object, **__: object) -> None:
        raise TranslatedAgainError

    model.write_text("damaged")
    monkeypatch.setattr(torch.export, "export", translate)
    with caplog.at_level(logging.WARNING), pytest.raises(TranslatedAgainError):
        SegmentAnything("demo", encoder="openvino")
    assert f"{model} cannot be read" in caplog.text


def test_what_it_does_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, complaint in (
        (("tensorrt", "fp32", False), r"sam\.encoder is 'tensorrt'; it is one of torch, openvino"),
        (("openvino", "bf16", False), r"leave sam\.precision bf16 out"),
        (("openvino", "fp32", True), r"leave sam\.compile out"),
    ):
        with pytest.raises(InputError, match=complaint):
            check_backend(*given)
    check_backend("openvino", "fp32", False)
    check_backend("torch", "bf16", True)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(InputError, match=r"pip install 'lit_samseg\[openvino\]'"):
        SegmentAnything("demo", encoder="openvino")
