"""A gallery has the prompts that SAM got: those of `Refiner`'s decisions, for every word."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Sample, Scenes
from lit_samseg.errors import InputError
from lit_samseg.gallery import ASKED, GalleryLegend, GalleryPrompts
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import Asked, Decision
from lit_samseg.refiner import Refiner
from lit_samseg.report.prompts import describe_prompts
from lit_samseg.sam import SegmentAnything

ROWS = (
    "box",
    "wide",
    "points+cebox",
    "pole+negative+box@split",
    "points+box+mask@component",
    "point+box+margin@component/fuse/vote/samcrf",
    "gauss",
    "box@ondensecrf",
    "pole+box@rounds=2",
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, dict[str, list[Decision]], GalleryPrompts]:
    """A scene, what each row decided alone, and the gallery of all rows together, written and read back."""
    networks = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    data = Scenes(size=5)
    sample = data.read("scene_00004", with_target=True)
    decided = {}
    for row in ROWS:
        refiner = Refiner(networks[1], networks[0], variant=row, device="cpu")
        decided[row] = refiner(sample.image, details=True).decisions
    module = SamSegEvaluation(*networks, ["none@crf", *ROWS], class_names=data.class_names, background=data.background)
    (maps,) = module.label_maps([sample], module.analysis)
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "prompts").mkdir()
    GalleryPrompts.of(*sample.image.shape[1:], maps.prompts).write(folder, sample.id)
    return sample, decided, GalleryPrompts.read(folder, sample.id)


@pytest.mark.parametrize("row", ROWS)
def test_prompts_are_those_of_the_decisions(
    row: str, kept: tuple[Sample, dict[str, list[Decision]], GalleryPrompts]
) -> None:
    _, decided, gallery = kept
    prompts, decisions = gallery.of_row(row), decided[row]
    assert len(prompts) == len(decisions) > 1
    for prompt, decision in zip(prompts, decisions, strict=True):
        asked = decision.prompt if decision.first_prompt is None else decision.first_prompt
        assert prompt["class"] == decision.region.class_id
        for kind, places in (("box", asked.box), ("points", asked.points), ("negative", asked.negative_points)):
            assert (kind in prompt) == (places is not None)
            if places is not None:
                torch.testing.assert_close(torch.tensor(prompt[kind]).double(), places.double(), atol=0.0051, rtol=0)
        words = row.partition("@")[0].split("+")
        assert prompt.get("mask", "") == next((word for word in ("mask", "margin", "gauss") if word in words), "")


def test_words_differ_where_they_should(kept: tuple[Sample, dict[str, list[Decision]], GalleryPrompts]) -> None:
    _, decided, gallery = kept
    tight, wide = ([prompt["box"] for prompt in gallery.of_row(row)] for row in ("box", "wide"))
    assert len(tight) == len(wide)
    assert all(a[0] >= b[0] and a[3] <= b[3] and a != b for a, b in zip(tight, wide, strict=True))
    # Of two rounds the first is kept: that of the baseline's regions.
    assert [prompt["box"] for prompt in gallery.of_row("pole+box@rounds=2")] == tight
    last = [decision.prompt.box for decision in decided["pole+box@rounds=2"]]
    assert [box.tolist() for box in last if box is not None] != tight
    assert gallery.of_row("none@crf") == []


def test_observing_moves_no_label(kept: tuple[Sample, dict[str, list[Decision]], GalleryPrompts]) -> None:
    sample, *_ = kept
    networks = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    module = SamSegEvaluation(*networks, ["wide"], class_names=Scenes.class_names, background=0)
    (maps,) = module.label_maps([sample])
    refiner = Refiner(networks[1], networks[0], variant="wide", device="cpu")
    assert torch.equal(maps.rows["wide"].long(), refiner(sample.image).label_map)


def test_equal_prompts_are_kept_once() -> None:
    one, other = Asked(1, (0.0, 0.0, 4.0, 4.125)), Asked(2, None, ((0.5, 1.0),), ((3.0, 3.0),), "mask")
    gallery = GalleryPrompts.of(5, 6, {"a": [one, other], "b": [other], "c": []})
    assert gallery.prompts == [
        {"class": 1, "box": [0, 0, 4, 4.12]},
        {"class": 2, "points": [[0.5, 1]], "negative": [[3, 3]], "mask": "mask"},
    ]
    assert gallery.rows == {"a": [0, 1], "b": [1], "c": []}
    assert gallery.shapes(["baseline", "a", "b", "c"]) == [
        ([1], {"box": [[0, 0, 4, 4.12]], "points": [], "negative": []}),
        ([1, 2], {"box": [], "points": [[0.5, 1]], "negative": [[3, 3]]}),
    ]


def test_galleries_of_earlier_releases_show_what_they_have(tmp_path: Path) -> None:
    region = {"class": 3, "box": [1, 2, 3, 4], "points": [[1.5, 2.5], [3, 3]]}
    old = {"height": 9, "width": 8, "regions": {"class": [region], "component": [region, region]}}
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/x.json").write_text(json.dumps(old))
    rows: list[dict[str, Any]] = [
        {"name": "baseline", "region": "", "recipe": []},
        {"name": "box", "region": "class", "recipe": ["box"]},
        {"name": "point+wide@component", "region": "component", "recipe": ["point", "wide"]},
        {"name": "points+mask", "region": "class", "recipe": ["points", "mask"]},
    ]
    gallery = GalleryPrompts.read(tmp_path, "x", rows)
    assert gallery.of_row("box") == [{"class": 3, "box": [1, 2, 3, 4]}]
    assert gallery.of_row("point+wide@component") == [{"class": 3, "points": [[1.5, 2.5]]}] * 2
    assert gallery.of_row("points+mask") == [{"class": 3, "points": [[1.5, 2.5], [3, 3]], "mask": "mask"}]
    legend = GalleryLegend("key", [], 0, rows)
    assert "earlier release, which did not keep wide: run it again" in describe_prompts(rows[2], legend)
    assert "earlier" not in describe_prompts(rows[1], legend)
    for broken in ("{", "[]", '{"height": 1}', '{"regions": 3, "height": 1, "width": 1}'):
        (tmp_path / "prompts/x.json").write_text(broken)
        with pytest.raises(InputError, match=r"x\.json cannot be read"):
            GalleryPrompts.read(tmp_path, "x", rows)


def test_words_for_what_is_drawn() -> None:
    legend = GalleryLegend("key", [], 0, [], ASKED)

    def said(name: str, recipe: list[str], rounds: int = 1) -> str:
        return describe_prompts({"name": name, "region": "class", "recipe": recipe, "rounds": rounds}, legend)

    assert said("baseline", []) == ""
    assert said("none@crf", []) == "No prompt: SAM is asked for no mask."
    assert said("x", ["pole", "negative", "cebox", "gauss"]) == (
        "Prompts of each region: a box, a point (disc), a background point (cross), a mask (gauss, not drawn)."
    )
    assert said("x", ["box"], 5).endswith("Those of the first of 5 rounds; later ones are made of SAM's masks.")
