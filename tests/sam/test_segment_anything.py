"""Our SAM against the official predictor with the same weights."""

import math

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor
from torch.nn import functional as F

from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.errors import InputError
from lit_samseg.sam import Prompt, SegmentAnything
from lit_samseg.sam.known_weights import resolve_checkpoint
from lit_samseg.sam.mask_prompts import bell
from lit_samseg.sam.official.checkpoint import load_sam
from tests.refine.contexts import prompt_of, regions_of

RECIPES = ["point", "points", "box", "points+box", "points+box+mask", "mask", "box+mask"]
RECIPES += ["pole+negative", "points+negative+wide", "negative+box+mask"]


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


@pytest.fixture(scope="module")
def scene() -> tuple[torch.Tensor, torch.Tensor]:
    image, labels = generate_scene(99, 3)
    return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(np.where(labels == 255, 0, labels))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("multimask", [True, False])
def test_masks_are_the_official_predictors(
    sam: SegmentAnything, scene: tuple[torch.Tensor, torch.Tensor], recipe: str, multimask: bool
) -> None:
    image, labels = scene
    # The official network too, not ours made ready for inference.
    predictor = SamPredictor(load_sam(resolve_checkpoint("demo"))[1].eval())
    predictor.set_image(image.permute(1, 2, 0).numpy())
    regions = regions_of(labels, "class")
    assert len(regions) >= 2
    prompts = [prompt_of(region, recipe) for region in regions]
    embedding = sam.encode([image])[0]
    candidates = sam.decode(embedding, prompts, multimask)
    rows, columns = embedding.frame.low_res_used
    for n, prompt in enumerate(prompts):
        points, labels = None, None
        if {"point", "points", "pole", "negative"} & set(recipe.split("+")):
            sets = (prompt.negative_points, prompt.points)
            given = {label: p.tolist() for label, p in enumerate(sets) if p is not None}
            points = np.array(given.get(1, []) + given.get(0, []))
            labels = np.array([1] * len(given.get(1, [])) + [0] * len(given.get(0, [])))
        masks, scores, logits = predictor.predict(
            point_coords=points,
            point_labels=labels,
            box=None if prompt.box is None else prompt.box.numpy(),
            mask_input=None if prompt.mask is None else mask_input(prompt.mask.float() * 2 - 1, sam).numpy(),
            multimask_output=multimask,
        )
        ours = candidates.low_res_logits[n, :, :rows, :columns].numpy()
        np.testing.assert_allclose(ours, logits[:, :rows, :columns], atol=2e-4)
        np.testing.assert_allclose(candidates.scores[n].numpy(), scores, atol=1e-5)
        assert (candidates.masks(n).numpy() != masks).mean() < 1e-4


def mask_input(mask: torch.Tensor, sam: SegmentAnything) -> torch.Tensor:
    """SPEC 1's mask prompt, step by step."""
    height, width = mask.shape
    size, side = sam.model.image_encoder.img_size, sam.model.prompt_encoder.mask_input_size[0]
    scale = size / max(height, width)
    new = (int(height * scale + 0.5), int(width * scale + 0.5))
    square = torch.full((1, 1, size, size), -1.0)
    square[..., : new[0], : new[1]] = F.interpolate(mask[None, None], new, mode="bilinear")
    block = size // side
    return square.view(side, block, side, block).mean((1, 3))[None] * 10


def test_prompts_come_back_in_order_whatever_their_mixture(
    sam: SegmentAnything, scene: tuple[torch.Tensor, torch.Tensor]
) -> None:
    image, labels = scene
    embedding = sam.encode([image])[0]
    regions = regions_of(labels, "class")
    prompts = [prompt_of(r, recipe) for recipe in RECIPES for r in regions]
    together = sam.decode(embedding, prompts)
    assert len(together) == len(prompts)
    for n, prompt in enumerate(prompts):
        alone = sam.decode(embedding, [prompt])
        torch.testing.assert_close(together.low_res_logits[n], alone.low_res_logits[0], atol=2e-4, rtol=0)
        torch.testing.assert_close(together.scores[n], alone.scores[0], atol=1e-5, rtol=0)


def test_no_prompt_gives_no_candidate(sam: SegmentAnything) -> None:
    """The official decoder fails on zero boxes (FIELD's D14)."""
    embedding = sam.encode([torch.zeros(3, 30, 40, dtype=torch.uint8)])[0]
    candidates = sam.decode(embedding, [])
    assert candidates.low_res_logits.shape == (
        0,
        3,
        embedding.frame.mask_size,
        embedding.frame.mask_size,
    )


def test_images_of_mixed_sizes_are_encoded_as_one_by_one(sam: SegmentAnything) -> None:
    images = [torch.full((3, h, w), 90, dtype=torch.uint8) for h, w in ((20, 40), (64, 32))]
    both = sam.encode(images)
    assert [(e.frame.height, e.frame.width) for e in both] == [(20, 40), (64, 32)]
    for image, embedding in zip(images, both, strict=True):
        assert torch.equal(embedding.features, sam.encode([image])[0].features)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_is_near_and_returns_fp32(
    precision: str, sam: SegmentAnything, scene: tuple[torch.Tensor, torch.Tensor]
) -> None:
    image, labels = scene
    low = SegmentAnything("demo", precision=precision)  # type: ignore[arg-type]
    prompts = [Prompt(box=regions_of(labels, "class")[0].box)]
    ours, exact = (m.decode(m.encode([image])[0], prompts) for m in (low, sam))
    assert ours.low_res_logits.dtype == torch.float32
    assert not torch.equal(ours.low_res_logits, exact.low_res_logits)
    assert (ours.masks(0) != exact.masks(0)).float().mean() < 0.05


def test_what_is_kept_of_an_image_is_of_it_and_of_the_weights(scene: tuple[torch.Tensor, torch.Tensor]) -> None:
    image, labels = scene
    sam = SegmentAnything("demo")
    one, other = sam.encode([image, image.flip(-1)])
    prompts = [Prompt(box=regions_of(labels, "class")[0].box)]
    first = sam.decode(one, prompts).low_res_logits
    assert torch.equal(sam.decode(one, prompts).low_res_logits, first)
    assert torch.equal(
        sam.decode(other, prompts).low_res_logits, SegmentAnything("demo").decode(other, prompts).low_res_logits
    )
    again = sam.decode(one, prompts).low_res_logits
    assert torch.equal(again, first)
    with torch.no_grad():
        sam.model.mask_decoder.transformer.layers[0].cross_attn_token_to_image.k_proj.weight.mul_(2)
    assert not torch.equal(sam.decode(one, prompts).low_res_logits, first)


def test_nothing_is_trainable_and_the_precision_is_checked(sam: SegmentAnything) -> None:
    assert not any(p.requires_grad for p in sam.parameters())
    assert not sam.training
    with pytest.raises(InputError, match="fp32, bf16, fp16"):
        SegmentAnything("demo", precision="int8")  # type: ignore[arg-type]


def test_a_bell_is_cell_by_cell_what_its_formula_says() -> None:
    """SAMRefiner's Gaussian mask prompt, with distances by search."""
    inside = torch.zeros(24, 24, dtype=torch.bool)
    inside[0:9, 3:20] = inside[12:15, 10:12] = True
    inside[4, 12] = False
    outside = [
        (y, x) for y in range(-1, 25) for x in range(-1, 25) if not (0 <= y < 24 and 0 <= x < 24 and inside[y, x])
    ]
    expected, area = np.full((24, 24), -1.0), 9 * 17 - 1 + 6
    distance = {
        (y, x): min(math.hypot(y - v, x - u) for v, u in outside) for y in range(24) for x in range(24) if inside[y, x]
    }
    for place, own in distance.items():
        expected[place] = math.exp(-((own - max(distance.values())) ** 2) / (area / 4))
    np.testing.assert_allclose(bell(inside, 4.0).numpy(), expected, atol=1e-6)
    assert torch.equal(bell(torch.zeros(8, 8, dtype=torch.bool), 4.0), torch.full((8, 8), -1.0))
    assert float(bell(torch.ones(8, 8, dtype=torch.bool), 4.0).max()) == 1


def test_the_bell_is_in_the_frame_and_of_its_strength(
    sam: SegmentAnything, scene: tuple[torch.Tensor, torch.Tensor]
) -> None:
    image, labels = scene
    (embedding,) = sam.encode([image])
    region = max(regions_of(labels, "component"), key=lambda region: region.area)
    prompt = prompt_of(region, "pole+box+gauss")
    plain = mask_input(region.mask.float() * 2 - 1, sam)[0]
    logits = bell(plain > 0, 4.0) * 30
    assert float(logits.max()) == 30
    (box, pole) = (prompt.box, prompt.points)
    by_hand = sam.decode(embedding, [Prompt(pole, box, mask_logits=logits)])
    ours = sam.decode(embedding, [prompt])
    torch.testing.assert_close(ours.low_res_logits, by_hand.low_res_logits, atol=1e-4, rtol=0)
    flat = sam.decode(embedding, [Prompt(pole, box, region.mask, 30.0)])
    assert float((ours.low_res_logits - flat.low_res_logits).abs().max()) > 0.1
