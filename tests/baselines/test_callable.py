"""Networks and functions by their path, and what a network of one's own is given."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.baselines import CallableBaseline, Preparation
from lit_samseg.baselines.network_baseline import logits_of
from lit_samseg.cache import cache_networks
from lit_samseg.errors import InputError
from tests.cache.counting import CountingSam
from tests.conftest import RunCli

CODE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, channels=4, fails=False):
        super().__init__()
        torch.manual_seed(channels)
        self.conv = nn.Conv2d(3, channels, 3, 2, 1)
        self.drop = nn.Dropout(0.5)
        self.fails = fails
    def forward(self, x):
        if self.fails:
            raise RuntimeError("sizes must be 32\\nand more")
        return {"out": self.drop(self.conv(x))}

net = Net()

def make(*, channels=4):
    return Net(channels)

def segment(image):
    return net.eval()(image)["out"][0]

def binary(image):
    return image.mean(1) * 4 - 2

number = 3
"""

IMAGE = torch.randint(0, 256, (3, 20, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that Python finds, of a name of its own."""
    name = f"net_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def expected(network: nn.Module, pixels: Tensor) -> Tensor:
    return network.eval()(pixels)["out"][0].detach()


def test_everything_that_answers_gives_the_same(module: str, tmp_path: Path) -> None:
    baselines = {name: CallableBaseline(f"{module}:{name}") for name in ("Net", "net", "make", "segment")}
    logits = expected(baselines["Net"].model, IMAGE[None] / 255)
    labels = F.interpolate(logits[None], (20, 30), mode="bilinear")[0].argmax(0)
    assert len(labels.unique()) > 1
    for name, baseline in baselines.items():
        # As the trainer puts whatever it holds.
        baseline.eval()
        found, scores = baseline.predict(IMAGE, "x")
        torch.testing.assert_close(scores, logits)
        assert torch.equal(found, labels), name
        assert not any(parameter.requires_grad for parameter in baseline.parameters())
    assert baselines["segment"].identity is None
    assert baselines["segment"].sha256 is not None
    wider = CallableBaseline(f"{module}:make", {"channels": 6})
    assert len(wider.predict(IMAGE, "x")[1]) == 6
    assert len({wider.identity, *(baselines[name].identity for name in ("Net", "net", "make"))}) == 4
    torch.save(wider.model.state_dict(), tmp_path / "six.pt")
    read = CallableBaseline(f"{module}:Net", {"channels": 6}, weights=str(tmp_path / "six.pt"))
    assert torch.equal(read.predict(IMAGE, "x")[1], wider.predict(IMAGE, "x")[1])


def test_one_channel_is_the_logit_of_class_1(module: str) -> None:
    baseline = CallableBaseline(f"{module}:binary")
    baseline.check_classes(("no", "yes"))
    labels, scores = baseline.predict(IMAGE, "x")
    assert torch.equal(labels == 1, (IMAGE / 255).mean(0) * 4 - 2 > 0)
    assert scores.shape == (2, 20, 30)


def test_label_maps_of_networks_alone_are_cached(module: str, tmp_path: Path) -> None:
    for name, kept in (("Net", 1), ("segment", 0)):
        cached, _ = cache_networks(CallableBaseline(f"{module}:{name}"), CountingSam(), str(tmp_path / "cache"))
        first, second = (cached.label_map(IMAGE, "x") for _ in range(2))
        assert torch.equal(first, second)
        assert getattr(cached, "hits", 0) == kept


def test_another_file_is_another_network(module: str, tmp_path: Path) -> None:
    before = CallableBaseline(f"{module}:Net").identity
    (tmp_path / f"{module}2.py").write_text(CODE + "\n# another\n")
    assert CallableBaseline(f"{module}2:Net").identity != before
    assert CallableBaseline(f"{module}:Net", prepare=Preparation(size=9)).identity != before


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("none", {}, r"baseline .*:none cannot be imported \(AttributeError"),
        ("number", {}, "is int; it must be a network, or a function of an image"),
        ("Net", {"arguments": {"width": 3}}, r"cannot be made \(TypeError: .*see model\.baseline\.arguments"),
        ("segment", {"weights": "a.pt"}, "is a function, which takes no weights"),
        ("Net", {"weights": "none.pt"}, "no such weight file: none.pt"),
    ],
)
def test_what_cannot_be_made(module: str, name: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        CallableBaseline(f"{module}:{name}", **options)


def test_what_cannot_be_asked(module: str) -> None:
    with pytest.raises(InputError, match=r"write package\.module:name"):
        CallableBaseline(module)
    with pytest.raises(InputError, match=r"cannot be imported \(ModuleNotFoundError.*PYTHONPATH"):
        CallableBaseline("no_such_module:name")
    fails = CallableBaseline(f"{module}:Net", {"fails": True})
    with pytest.raises(InputError, match=r"image x, given as \[1, 3, 20, 30\] \(RuntimeError: sizes must be 32\)"):
        fails.predict(IMAGE, "x")
    other = CallableBaseline(f"{module}:Net", num_classes=5)
    with pytest.raises(InputError, match="scores of 4 classes; there must be 5"):
        other.label_map(IMAGE, "x")


@pytest.mark.parametrize("given", [torch.zeros(2, 3, 4, 4), torch.zeros(3, 4), torch.zeros(3, 4, 4).long(), {"a": 1}])
def test_answers_that_are_no_logits(given: object) -> None:
    with pytest.raises(InputError, match=r"who: the network must give float logits \[1, classes, height, width\]"):
        logits_of(given, "who")


def test_what_a_network_is_given() -> None:
    plain = Preparation()(IMAGE)
    assert torch.equal(plain, IMAGE[None].float() / 255)
    scaled = Preparation((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))(IMAGE)
    torch.testing.assert_close(scaled[0, 1], (plain[0, 1] - 0.4) / 0.3)
    sizes = {
        (None, 1): (20, 30),
        (None, 32): (32, 32),
        (10, 1): (10, 15),
        (10, 4): (12, 16),
        ((8, 24), 1): (8, 24),
        (40, 1): (40, 60),
    }
    for (size, multiple), wanted in sizes.items():
        assert Preparation(size=size, multiple_of=multiple)(IMAGE).shape == (1, 3, *wanted)
    constant = torch.full((3, 20, 30), 51, dtype=torch.uint8)
    torch.testing.assert_close(Preparation(size=7)(constant), torch.full((1, 3, 7, 10), 0.2))


@pytest.mark.parametrize("options", [{"size": 0}, {"size": (4, -1)}, {"multiple_of": 0}, {"std": (1.0, 0.0, 1.0)}])
def test_preparations_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"prepare\."):
        Preparation(**options)


def test_on_the_command_line(module: str, tmp_path: Path, run_cli: RunCli) -> None:
    outcome = run_cli(
        *("test", "--config=configs/demo.yaml", "--data.size=1", "--trainer.accelerator=cpu", "--gallery=false"),
        *("--model.baseline=lit_samseg.baselines.CallableBaseline", f"--model.baseline.function={module}:Net"),
        *("--model.baseline.arguments", '{"channels": 9}', "--model.baseline.prepare.mean", "[0.5, 0.5, 0.5]"),
        *("--model.baseline.prepare.multiple_of=8", "--model.variants=[auto]", "--report=false"),
        *("--output_dir", tmp_path / "out"),
    )
    assert outcome.code == 0, outcome.err
    config = (tmp_path / "out/config.yaml").read_text()
    assert "multiple_of: 8" in config


@pytest.mark.parametrize(
    ("prepare", "scale", "size"),
    [
        (Preparation(), 1.5, (30, 45)),
        (Preparation(size=40), 0.5, (20, 30)),
        (Preparation(size=(10, 50)), 2.0, (20, 100)),
        (Preparation(multiple_of=32), 2.0, (64, 64)),
        (Preparation(), 0.01, (1, 1)),
    ],
)
def test_a_closer_look_is_prepared_larger(prepare: Preparation, scale: float, size: tuple[int, int]) -> None:
    pixels = prepare(IMAGE, scale)
    assert pixels.shape == (1, 3, *size)
    expected = F.interpolate(IMAGE[None].float() / 255, size, mode="bilinear", antialias=True)
    torch.testing.assert_close(pixels, expected)


def test_a_network_of_ones_own_looks_closer(module: str) -> None:
    baseline = CallableBaseline(f"{module}:Net").eval()
    larger = F.interpolate(IMAGE[None].float() / 255, (40, 60), mode="bilinear", antialias=True)
    torch.testing.assert_close(baseline.look_closer(IMAGE, 2.0), expected(baseline.model, larger))
