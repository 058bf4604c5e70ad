"""What a refinement says of itself, and shows."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg import Refinement, Refiner
from lit_samseg.data.scene_generator import generate_scene
from tests.refined.conftest import LABELS, refinement


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return generate_scene(99, 3)[0]


def test_it_says_in_words_what_it_is(ring: Refinement) -> None:
    assert repr(ring) == (
        "Refinement of 6 x 5 pixels with 3 classes: background, cat, dog; 10.0 % of the pixels changed, in 1.2 s"
    )
    many = refinement(np.arange(8).reshape(2, 4), background=None)
    assert "with 8 classes: 0, 1, 2, 3, 4, 5 and 2 more; 0.0 %" in repr(many)
    assert "1 class: 7;" in repr(refinement(np.full((2, 2), 7)))
    assert "with 0 classes;" in repr(refinement(np.full((2, 2), 255)))


def test_masks_are_of_every_class_by_name(ring: Refinement) -> None:
    assert ring.names == {0: "background", 1: "cat", 2: "dog"}
    masks = ring.masks()
    assert list(masks) == ["background", "cat", "dog"]
    for class_id, mask in enumerate(masks.values()):
        assert mask.dtype == torch.bool
        assert np.array_equal(mask, np.equal(LABELS, class_id))
    assert list(refinement(LABELS).masks()) == [0, 1, 2]
    # A name that stands for two classes would hide one of them.
    assert list(refinement(LABELS, class_names=("sky", "door", "door")).masks()) == [0, 1, 2]
    # Names that are too few are those of the first classes.
    assert list(refinement(LABELS, class_names=("sky", "door")).masks()) == ["sky", "door", 2]


def test_regions_hang_together_by_edges(ring: Refinement) -> None:
    assert [(r.class_id, r.name, r.area, r.box) for r in ring.regions] == [
        (1, "cat", 8, (1, 1, 3, 3)),
        (1, "cat", 1, (4, 4, 4, 4)),
        (2, "dog", 2, (5, 1, 5, 2)),
    ]
    first = ring.regions[0]
    assert first.changed == 3 / 8
    expected = LABELS == 1
    expected[4, 4] = False
    assert np.array_equal(first.mask(), expected)
    assert first.confidence == pytest.approx(ring.confidence.numpy()[expected].mean(), abs=1e-6)
    assert all(region.changed == 0 for region in ring.regions[1:])
    unfilled = refinement(LABELS, background=None)
    assert [r.class_id for r in unfilled.regions] == [0, 0, 0, 1, 1, 2]


def test_polygons_have_holes_and_no_background(ring: Refinement) -> None:
    polygons = ring.polygons()
    assert list(polygons) == ["cat", "dog"]
    assert [(p.area, len(p.interiors)) for p in polygons["cat"]] == [(8, 1), (1, 0)]
    assert polygons["cat"][0].interiors[0].tolist() == [[3, 2], [2, 2], [2, 3], [3, 3]]


def test_it_draws_itself(ring: Refinement) -> None:
    overlay = ring.overlay()
    assert overlay.size == (6, 5)
    image = ring.image.permute(1, 2, 0).numpy()
    # The background is left as it is, inside of it no border is drawn.
    assert np.array_equal(np.asarray(overlay)[0, 0], image[0, 0])
    assert not np.array_equal(np.asarray(overlay)[1, 2], image[1, 2])
    shown = Image.open(io.BytesIO(ring._repr_png_()))
    assert shown.format == "PNG"
    assert shown.width > 3 * 6
    figure = ring.plot()
    assert [axes.get_title() for axes in figure.axes] == ["before", "after", "what changed"]
    changed = np.asarray(figure.axes[2].images[0].get_array())
    # VOC's second colour, in the three pixels that changed and nowhere else.
    assert np.argwhere((changed == (128, 0, 0)).all(2)).tolist() == [[1, 1], [1, 2], [1, 3]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["cat", "dog"]
    figure.savefig(io.BytesIO(), format="png")


def test_a_large_picture_is_shown_small() -> None:
    shown = Image.open(io.BytesIO(refinement(np.zeros((300, 1200), int))._repr_png_()))
    assert shown.width < 3 * 500


def test_refining_fills_it_in(scene: np.ndarray) -> None:
    refiner = Refiner.from_pretrained("demo", "demo", variant="box")
    alone = Refiner(refiner.sam, variant="auto", background=0)
    for result in (refiner(scene), alone.refine(scene, scene[..., 0] > 99)):
        assert np.array_equal(result.image.permute(1, 2, 0), scene)
        assert result.confidence.shape == result.label_map.shape
        assert result.confidence.dtype == torch.float32
        assert 0 <= float(result.confidence.min()) < float(result.confidence.max()) <= 1
        assert result.seconds > 0
        assert result.background == 0
        assert result.changed == pytest.approx(float((result.label_map != result.baseline).double().mean()))
    assert refiner(scene).class_names == refiner.class_names
    named = Refiner(refiner.sam, variant="box", class_names=["background", "bright"])
    assert list(named.refine(scene, scene[..., 0] > 99).masks()) == ["background", "bright"]
