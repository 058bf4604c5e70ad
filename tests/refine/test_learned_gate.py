"""A learned gate: what it looks at, its file, and what it makes of a label map."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lit_samseg import Refiner
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.errors import InputError
from lit_samseg.refine import (
    Decision,
    Grid,
    LearnedGate,
    make_grid,
    parse_variants,
    read_gate,
    refine,
    refine_by_all,
)
from lit_samseg.refine.learned_gate import FEATURES, features
from lit_samseg.sam import Frame, Prompt, SegmentAnything
from lit_samseg.sam.thresholding import threshold_masks
from tests.refine.contexts import context_of, regions_of
from tests.refine.test_asking import case

FRAME = Frame(24, 30, size=32, mask_size=16)
Array = NDArray[np.float64]


def mean_of(values: Array, where: NDArray[np.bool_]) -> float:
    return float(values[where].mean()) if where.any() else 0.0


def edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells with a neighbour on the other side, found one by one."""
    found = np.zeros_like(mask)
    for y, x in np.ndindex(*mask.shape):
        for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= ny < mask.shape[0] and 0 <= nx < mask.shape[1] and mask[ny, nx] != mask[y, x]:
                found[y, x] = True
    return found


def expected(decision: Decision, grid: Grid) -> list[float]:
    """The features in NumPy."""
    region, (height, width) = decision.region, grid.shape
    chosen = int(decision.chosen)
    logits = decision.logits[chosen, :height, :width].double().numpy()
    rows = [min(23, max(0, round((n + 0.5) * 2 * 24 / 26 - 0.5))) for n in range(height)]
    columns = [min(29, max(0, round((n + 0.5) * 2 * 30 / 32 - 0.5))) for n in range(width)]
    area, mask = region.mask.numpy()[np.ix_(rows, columns)], logits > 0
    union, wide = (area | mask).sum(), (logits > -1).sum()
    scores = grid.log_probabilities.double().numpy()
    own = grid.classes.tolist().index(region.class_id)
    margin = np.clip(scores[own] - np.delete(scores, own, 0).max(0), -10, 10)
    image = grid.image.double().numpy()
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    gradient = np.sqrt(
        (((padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2) ** 2).sum(0)
        + (((padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2) ** 2).sum(0)
    )
    ys, xs = np.nonzero(region.mask.numpy())
    return [
        float(decision.scores[chosen]),
        (area & mask).sum() / union if union else 0.0,
        (logits > 1).sum() / wide if wide else 0.0,
        np.log(max(1, area.sum())),
        np.log(max(1, mask.sum()) / max(1, area.sum())),
        len(ys) / ((np.ptp(ys) + 1) * (np.ptp(xs) + 1)),
        mean_of(margin, area),
        mean_of(margin, mask & ~area),
        mean_of(margin, area & ~mask),
        (mask & ~area).sum() / max(1, mask.sum()),
        (area & ~mask).sum() / max(1, area.sum()),
        mean_of(gradient, edge(mask)) - mean_of(gradient, edge(area)),
    ]


def drawn(seed: int, kind: str) -> tuple[Decision, Grid]:
    """A region of a random label map and an answer to it: some mask, none, everything, or the region itself."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.zeros(24, 30, dtype=torch.int64)
    top, left = (int(torch.randint(0, 9, (), generator=random)) for _ in range(2))
    labels[top : top + 9, left : left + 12] = 2
    labels[20:, 5:9] = 5
    image = torch.randint(0, 256, (3, 24, 30), dtype=torch.uint8, generator=random)
    grid = make_grid(image, labels, torch.randn(7, 6, 8, generator=random) * 4, FRAME, 0)
    region = regions_of(labels, "class")[0]
    logits = torch.randn(3, 16, 16, generator=random) * 2
    if kind == "empty":
        logits -= 100
    elif kind == "full":
        logits += 100
    elif kind == "padding":
        logits[:, : grid.shape[0], : grid.shape[1]] -= 100
    scores, chosen = torch.rand(3, generator=random), torch.randint(0, 3, (), generator=random)
    return Decision(region, Prompt(), threshold_masks(logits, FRAME), logits, scores, chosen), grid


@pytest.mark.parametrize("kind", ["random", "empty", "full", "padding"])
@pytest.mark.parametrize("seed", range(4))
def test_features_are_those_of_numpy(seed: int, kind: str) -> None:
    decision, grid = drawn(seed, kind)
    found = features(decision, grid)
    assert found.dtype == torch.float32
    assert found.shape == (len(FEATURES),)
    assert found.tolist() == pytest.approx(expected(decision, grid), rel=1e-4, abs=1e-5)
    # A new gate keeps whatever has a pixel, even if its numbers spoke for an empty mask.
    assert bool(LearnedGate().keeps(decision, grid)) == bool(decision.kept.masks.any()) == (kind in ("random", "full"))


def test_a_class_alone_is_as_sure_as_can_be() -> None:
    labels = torch.full((24, 30), 4)
    grid = make_grid(torch.zeros(3, 24, 30, dtype=torch.uint8), labels, None, FRAME, None)
    logits = torch.ones(1, 16, 16)
    (region,) = regions_of(labels, "class", None)
    decision = Decision(region, Prompt(), threshold_masks(logits, FRAME), logits, torch.ones(1), torch.tensor(0))
    found = dict(zip(FEATURES, features(decision, grid).tolist(), strict=True))
    assert found["margin"] == 10
    assert found["iou"] == found["fill"] == 1
    assert found["margin_added"] == found["margin_removed"] == found["contrast"] == 0


def fitted(bias: float = -0.3) -> LearnedGate:
    gate = LearnedGate("box@learned", "ab", None, TrainedOn({"voc2012/b": "f" * 64, "voc2012/a": None}))
    random = torch.Generator().manual_seed(0)
    for name in ("mean", "weight"):
        getattr(gate, name).copy_(torch.randn(len(FEATURES), generator=random))
    gate.std.copy_(torch.rand(len(FEATURES), generator=random) + 0.5)
    gate.bias.fill_(bias)
    return gate


def test_the_decision_is_a_logistic_regressions() -> None:
    gate, cases = fitted(0.0), [drawn(seed, "random") for seed in range(20)]
    z = (np.array([expected(*pair) for pair in cases]) - gate.mean.numpy()) / gate.std.numpy()
    gate.bias.fill_(-float(np.median(z @ gate.weight.numpy())))
    probabilities = 1 / (1 + np.exp(-(z @ gate.weight.numpy() + float(gate.bias))))
    assert [bool(gate.keeps(*pair)) for pair in cases] == (probabilities > 0.5).tolist()
    assert (probabilities > 0.5).sum() == 10


def test_a_file_gives_the_gate_back(tmp_path: Path) -> None:
    path, gate = tmp_path / "gate.json", fitted()
    gate.write(path)
    back = read_gate(path)
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in gate.state_dict().items())
    assert (back.variant, back.sam_sha256, back.baseline_sha256) == ("box@learned", "ab", None)
    assert back.trained_on == gate.trained_on
    assert len(back.sha256) == 64
    assert back.to("meta").std.device.type == "meta"  # all of it follows a device
    assert {tensor.device.type for tensor in back.state_dict().values()} == {"meta"}


def changed(content: dict[str, Any], key: str, value: object) -> str:
    *path, last = key.split(".")
    inner = content
    for step in path:
        inner = inner[step]
    inner[last] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("format", "lit_samseg.adapter", "is no gate"),
        ("features", {"iou": {"mean": 0, "std": 1, "weight": 1}}, "of other features than this version's"),
        ("features", [], "of other features"),
        ("features", None, "damaged"),
        ("features.iou.weight", float("nan"), "not finite"),
        ("features.iou.mean", float("inf"), "not finite"),
        ("features.iou.mean", 1e200, "not finite"),
        ("bias", float("-inf"), "not finite"),
        ("features.iou.std", 0, "not above 0"),
        ("features.iou.std", -1.5, "not above 0"),
        ("features.iou.weight", "1", "damaged"),
        ("features.iou.weight", True, "damaged"),
        ("features.iou.weight", 10**400, "damaged"),
        ("features.iou", {}, "damaged"),
        ("trained_on", "voc2012/a", "damaged"),
        ("trained_on", [1], "damaged"),
        ("trained_on", [["voc2012/a", 1]], "damaged"),
        ("trained_on", [["voc2012/a"]], "damaged"),
        ("variant", None, "damaged"),
        ("sam_sha256", 5, "damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, key: str, value: object, complaint: str) -> None:
    path = tmp_path / "gate.json"
    fitted().write(path)
    path.write_text(changed(json.loads(path.read_text()), key, value))
    with pytest.raises(InputError, match=complaint) as caught:
        read_gate(path)
    assert str(path) in str(caught.value)
    assert "lit-samseg fit" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"{", "is not JSON"), (b"\xff\xfe", "is not JSON"), (b"[" * 100_000, "is not JSON"), (b"[]", "is no gate")],
)
def test_what_is_no_gate(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "gate.json"
    with pytest.raises(InputError, match=f"no such gate: {re.escape(str(path))}"):
        read_gate(path)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_gate(tmp_path)
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        read_gate(path)


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


# The quicker one is that of the first scene.
@pytest.mark.parametrize("seed", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_always_is_the_ungated_row_and_never_the_regions(sam: SegmentAnything, seed: int) -> None:
    image, _, labels = case(seed)
    context = context_of(labels, sam, image=image)
    plain = ["points+box+mask@component", "box@rounds=2", "box@class/iou/baseline"]
    # A mask whose IoU with its region is 1 is the region.
    gated = [f"{text}/gate=1.0" for text in plain]
    learned = [f"{text}/learned" for text in plain]
    variants = parse_variants([*plain, *gated, *learned], has_background=True)
    always, never, some = LearnedGate(), LearnedGate(), fitted(0.0)
    never.bias.fill_(-1)
    decisions: list[Decision] = []
    observe = {learned[0]: decisions.append}
    context.learned_gate = always
    refine_by_all(context, variants, observe)
    some.bias.fill_(-torch.stack([some(features(decision, context.grid)) for decision in decisions]).mean())
    maps = {}
    for gate in (always, never, some):
        context.learned_gate = gate
        maps[gate] = refine_by_all(context, variants)
    assert all(decision.kept.masks.any() for decision in decisions)
    for text, region_row, row in zip(plain, gated, learned, strict=True):
        assert torch.equal(maps[always][row], maps[always][text])
        assert torch.equal(maps[never][row], maps[never][region_row])
        assert not torch.equal(maps[never][row], maps[always][row])
    assert torch.equal(maps[never][learned[2]], labels)
    kept = {bool(some.keeps(decision, context.grid)) for decision in decisions}
    assert kept == {True, False}
    assert not torch.equal(maps[some][learned[0]], maps[always][learned[0]])
    assert not torch.equal(maps[some][learned[0]], maps[never][learned[0]])


def test_without_a_gate_there_is_no_row(sam: SegmentAnything, tmp_path: Path) -> None:
    image, _, labels = case(3)
    (variant,) = parse_variants(["box@learned"], has_background=True)
    with pytest.raises(ValueError, match="need a gate"):
        refine(context_of(labels, sam, image=image), variant)
    with pytest.raises(InputError, match="'box@learned' needs a learned gate; give gate=FILE"):
        Refiner(sam, variant="box@learned", background=0)
    never = LearnedGate()
    never.bias.fill_(-1)
    never.write(tmp_path / "gate.json")
    refiner = Refiner(sam, variant="box@learned", background=0, device="cpu", gate=tmp_path / "gate.json")
    assert torch.equal(refiner.refine(image, labels).label_map, labels)
