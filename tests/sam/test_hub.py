"""Every family against the library's own way from picture to masks at the original size."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lit_samseg.sam import Candidates, HubSam, Prompt
from tests.sam import tiny_hub

RECIPES = ["point", "points", "box", "points+box", "box+mask", "points+box+mask", "mask"]
RECIPES += ["point+negative", "points+negative+box", "negative+box"]
SIZES = [(48, 80), (90, 41)]
STRENGTH = 10.0
# One of each class of transformers; the others differ in how they are stored.
CLASSES = ["sam", "sam_hq", "sam2", "sam3_tracker", "edgetam"]
# Importing EdgeTAM's backbone takes seconds; the quicker ones are those of SAM 2, which has the same family here.
SLOW = ["edgetam", "edgetam_video"]


def some_slow(names: list[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow if name in SLOW else []) for name in names]


# Slow where the class is another's: `test_networks_stored_with_more_are_the_librarys` reads them quickly.
MODELS = [
    pytest.param(name, marks=[] if name in CLASSES and name not in SLOW else pytest.mark.slow)
    for name in tiny_hub.MODELS
]
OTHERS = [name for name in tiny_hub.MODELS if name not in CLASSES]


@pytest.fixture(scope="module", params=MODELS)
def model_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(model_type: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hub") / f"tiny-{model_type}"
    path.mkdir()
    tiny_hub.save(model_type, path)
    return path


@pytest.fixture(scope="module")
def sam(folder: Path) -> HubSam:
    return HubSam(str(folder))


@pytest.fixture(scope="module")
def library(model_type: str, folder: Path) -> Any:
    """The library's model for single images, from the same folder and by its own means."""
    return tiny_hub.MODELS[model_type][2].from_pretrained(folder).eval()


def picture(height: int, width: int) -> torch.Tensor:
    numbers = torch.Generator().manual_seed(height)
    coarse = torch.rand(1, 3, 5, 7, generator=numbers) * 255
    fine = F.interpolate(coarse, (height, width), mode="bilinear")[0] + 20 * torch.rand(
        3, height, width, generator=numbers
    )
    return fine.clamp(0, 255).to(torch.uint8)


def build_prompts(height: int, width: int) -> list[Prompt]:
    """Two of each recipe, whose points, boxes and masks differ."""
    prompts = []
    for shift in (0.0, 0.3):
        points = torch.tensor([[0.15, 0.55], [0.3, 0.21], [0.61, 0.4]], dtype=torch.float64) + shift
        points = (points * torch.tensor([width, height])).clamp(max=torch.tensor([width - 1, height - 1]))
        box = torch.tensor([width // 8, height // 4, width // 2, height // 2], dtype=torch.float64)
        box += torch.tensor([width, height, width, height]) * shift
        mask = torch.full((height, width), -1.0)
        mask[int(height * shift) : int(height * (shift + 0.5)), int(width * shift) : int(width * (shift + 0.6))] = 1
        for recipe in RECIPES:
            parts = recipe.split("+")
            given = points if "points" in parts else points[:1] if "point" in parts else None
            prompts.append(
                Prompt(
                    given,
                    box if "box" in parts else None,
                    mask if "mask" in parts else None,
                    STRENGTH,
                    negative_points=points[1:] if "negative" in parts else None,
                )
            )
    return prompts


def encode(sam: HubSam, image: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """Encode an image; return also the pixels that the vision encoder was given."""
    seen: list[torch.Tensor] = []

    def spy(module: object, args: tuple[torch.Tensor, ...], kwargs: dict[str, torch.Tensor]) -> None:
        seen.append(kwargs["pixel_values"] if "pixel_values" in kwargs else args[0])

    handle = sam.model.vision_encoder.register_forward_pre_hook(spy, with_kwargs=True)
    (embedding,) = sam.encode([image])
    handle.remove()
    return embedding, seen[0].clone()


def shares(cells: int, pixels: int) -> torch.Tensor:
    """How much of each pixel lies in each cell, as a part of the cell: ``[cells, pixels]``, rows sum to one."""
    ratio = pixels / cells
    overlap = [
        [max(0.0, min((cell + 1) * ratio, pixel + 1) - max(cell * ratio, pixel)) for pixel in range(pixels)]
        for cell in range(cells)
    ]
    return torch.tensor(overlap, dtype=torch.float64) / ratio


def mask_logits(mask: torch.Tensor, size: int, side: int, square: bool) -> torch.Tensor:
    """SPEC 1's mask prompt, step by step, in float64."""
    height, width = mask.shape
    longest = max(height, width)
    new = (size, size) if square else tuple(math.floor(n * size / longest + 0.5) for n in (height, width))
    canvas = torch.full((size, size), -1.0, dtype=torch.float64)
    canvas[: new[0], : new[1]] = F.interpolate(mask[None, None].double(), new, mode="bilinear")[0, 0]
    return (shares(side, size) @ canvas @ shares(side, size).T * STRENGTH).float()[None, None]


def ask_library(
    library: Any, processor: Any, image: torch.Tensor, pixels: torch.Tensor, prompt: Prompt, multimask: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One prompt through the library: its processor for coordinates, its forward, its post-processing."""
    words: dict[str, Any] = {}
    places, labels = [], []
    for label, points in ((1, prompt.points), (0, prompt.negative_points)):
        if points is not None:
            places += points.tolist()
            labels += [label] * len(points)
    if places:
        words["input_points"] = [[places]]
        words["input_labels"] = [[labels]]
    if prompt.box is not None:
        words["input_boxes"] = [[prompt.box.tolist()]]
    inputs = dict(processor(images=image.permute(1, 2, 0).numpy(), return_tensors="pt", **words))
    inputs["pixel_values"] = pixels
    sizes = [inputs.pop("original_sizes")]
    square = "reshaped_input_sizes" not in inputs
    if not square:
        sizes.append(inputs.pop("reshaped_input_sizes"))
    if prompt.mask is not None:
        size = pixels.shape[-1]
        side = 4 * library.prompt_encoder.image_embedding_size[0]
        inputs["input_masks"] = mask_logits(prompt.mask.float() * 2 - 1, size, side, square)
    with torch.no_grad():
        output = library(**inputs, multimask_output=multimask)
        masks = processor.post_process_masks(output.pred_masks, *sizes)[0]
    return output.pred_masks[0, 0], output.iou_scores[0, 0], masks[0]


@pytest.mark.parametrize(
    ("height", "width", "multimask"),
    [
        (*SIZES[0], True),
        # The other size and number of masks: `test_networks_stored_with_more_are_the_librarys` asks for them quickly.
        *(pytest.param(*case, marks=pytest.mark.slow) for case in [(*SIZES[0], False), (*SIZES[1], True)]),
        pytest.param(*SIZES[1], False, marks=pytest.mark.slow),
    ],
)
def test_masks_are_the_librarys(
    sam: HubSam, library: Any, model_type: str, height: int, width: int, multimask: bool
) -> None:
    image = picture(height, width)
    embedding, pixels = encode(sam, image)
    prompts = build_prompts(height, width)
    candidates = sam.decode(embedding, prompts, multimask)
    processor = tiny_hub.processor(model_type)
    assert candidates.low_res_logits.dtype == candidates.scores.dtype == torch.float32
    assert candidates.scores.shape == (len(prompts), 3 if multimask else 1)
    for n, prompt in enumerate(prompts):
        logits, scores, masks = ask_library(library, processor, image, pixels, prompt, multimask)
        torch.testing.assert_close(candidates.low_res_logits[n], logits, atol=1e-4, rtol=0)
        torch.testing.assert_close(candidates.scores[n], scores, atol=1e-5, rtol=0)
        # Only pixels whose logit is zero to rounding.
        assert (candidates.masks(n) != masks).float().mean() <= 5e-4
    check_that_prompts_matter(candidates)


@pytest.mark.parametrize("model_type", some_slow(OTHERS), indirect=True)
def test_networks_stored_with_more_are_the_librarys(sam: HubSam, library: Any, model_type: str) -> None:
    """One prompt of points and a box, on an image higher than wide: the weights are where they belong."""
    height, width = SIZES[1]
    image = picture(height, width)
    embedding, pixels = encode(sam, image)
    prompt = build_prompts(height, width)[RECIPES.index("points+box")]
    candidates = sam.decode(embedding, [prompt], multimask=False)
    processor = tiny_hub.processor(model_type)
    logits, scores, masks = ask_library(library, processor, image, pixels, prompt, multimask=False)
    torch.testing.assert_close(candidates.low_res_logits[0], logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(candidates.scores[0], scores, atol=1e-5, rtol=0)
    assert (candidates.masks(0) != masks).float().mean() <= 5e-4
    assert float(logits.std()) > 1e-2
    assert not any("memory_attention" in name or "detector" in name for name in sam.state_dict())


def check_that_prompts_matter(candidates: Candidates) -> None:
    """A comparison of empty, full or equal masks would show nothing."""
    masks = torch.stack([candidates.masks(n) for n in range(len(candidates))]).float()
    filled = masks.mean((-2, -1))
    assert ((filled > 0.02) & (filled < 0.98)).float().mean() > 0.5
    flat = candidates.low_res_logits.flatten(1)
    apart = torch.cdist(flat, flat) / flat.shape[1] ** 0.5
    assert float(apart.fill_diagonal_(math.inf).min()) > 1e-2


def test_pixels_are_the_processors(sam: HubSam, model_type: str) -> None:
    """SAM's to float rounding; the square ones to a level of 255: the library rounds rows and columns to bytes."""
    processor = tiny_hub.processor(model_type)
    for height, width in SIZES:
        image = picture(height, width)
        _, pixels = encode(sam, image)
        theirs = processor(images=image.permute(1, 2, 0).numpy(), return_tensors="pt")["pixel_values"]
        levels = (pixels - theirs).abs() * sam.std
        assert float(levels.max()) < (1e-3 if model_type in ("sam", "sam_hq") else 1.05)
        assert float(pixels.std()) > 0.3


def test_each_prompt_has_its_own_mask(sam: HubSam) -> None:
    """FIELD's D16: the library gives all prompts of an image the same one. More prompts than one call takes."""
    height, width = SIZES[0]
    (embedding,) = sam.encode([picture(height, width)])
    box = torch.tensor([10.0, 10.0, 60.0, 40.0], dtype=torch.float64)
    masks = [torch.full((height, width), -1.0) for _ in range(11)]
    for n, mask in enumerate(masks):
        mask[10:40, 2 + 6 * n : 14 + 6 * n] = 1
    prompts = [Prompt(box=box, mask=mask > 0) for mask in masks]
    together = sam.decode(embedding, prompts)
    for n, prompt in enumerate(prompts):
        alone = sam.decode(embedding, [prompt])
        torch.testing.assert_close(together.low_res_logits[n], alone.low_res_logits[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(together.scores[n], alone.scores[0], atol=1e-5, rtol=0)
    check_that_prompts_matter(together)


def test_scores_stay_with_their_masks(sam: HubSam, library: Any, model_type: str) -> None:
    """SAM-HQ sorts its candidates by score, for each prompt by itself; the others do not."""
    height, width = SIZES[0]
    (embedding,) = sam.encode([picture(height, width)])
    scores = sam.decode(embedding, build_prompts(height, width)).scores
    descending = (scores.diff(dim=1) <= 0).all()
    assert bool(descending) == (model_type == "sam_hq")


@pytest.mark.parametrize("model_type", some_slow(CLASSES), indirect=True)
def test_no_prompt_gives_no_candidate(sam: HubSam) -> None:
    (embedding,) = sam.encode([torch.zeros(3, 30, 40, dtype=torch.uint8)])
    side = embedding.frame.mask_size
    assert sam.decode(embedding, []).low_res_logits.shape == (0, 3, side, side)
    assert sam.decode(embedding, [], multimask=False).scores.shape == (0, 1)


@pytest.mark.parametrize("model_type", some_slow(CLASSES), indirect=True)
def test_images_of_mixed_sizes_are_encoded_as_one_by_one(sam: HubSam) -> None:
    images = [picture(*size) for size in SIZES]
    both = sam.encode(images)
    assert [(e.frame.height, e.frame.width) for e in both] == SIZES
    for image, embedding in zip(images, both, strict=True):
        (alone,) = sam.encode([image])
        assert torch.equal(embedding.features, alone.features)
        assert all(torch.equal(a, b) for a, b in zip(embedding.levels, alone.levels, strict=True))


# Of each precision one class by default: casting does not know the classes.
LOWER = [("sam_hq", "bf16"), ("sam2", "fp16")]


@pytest.mark.parametrize(
    ("model_type", "precision"),
    [
        pytest.param(name, precision, marks=[] if (name, precision) in LOWER else pytest.mark.slow)
        for name in CLASSES
        for precision in ("bf16", "fp16")
    ],
    indirect=["model_type"],
)
def test_lower_precision_is_near_and_returns_fp32(precision: str, folder: Path, sam: HubSam) -> None:
    low = HubSam(str(folder), precision=precision)  # type: ignore[arg-type]
    # One of each recipe.
    image, prompts = picture(*SIZES[0]), build_prompts(*SIZES[0])[: len(RECIPES)]
    ours, exact = (m.decode(m.encode([image])[0], prompts) for m in (low, sam))
    (coarse,), (fine,) = low.encode([image]), sam.encode([image])
    assert all(tensor.dtype == torch.float32 for tensor in (coarse.features, *coarse.levels))
    # Both encoder and decoder compute in it.
    assert not torch.equal(coarse.features, fine.features)
    assert not torch.equal(low.decode(fine, prompts).low_res_logits, exact.low_res_logits)
    assert ours.low_res_logits.dtype == ours.scores.dtype == torch.float32
    difference = (ours.low_res_logits - exact.low_res_logits).std() / exact.low_res_logits.std()
    assert 1e-5 < float(difference) < 0.2
    # A surrounding autocast must not change what the results call fp32.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(sam.decode(sam.encode([image])[0], prompts).low_res_logits, exact.low_res_logits)


def test_facts(sam: HubSam, folder: Path, model_type: str) -> None:
    assert sam.name == f"tiny-{model_type}"
    assert sam.checkpoint == str(folder)
    assert len(sam.sha256) == 64
    assert sam.precision == "fp32"
    assert not sam.training
    assert not any(p.requires_grad for p in sam.parameters())
    # What is not part of the model for single images is not kept.
    assert not any("memory_attention" in name or "detector" in name for name in sam.state_dict())


def test_published_means_are_the_defaults(sam: HubSam, model_type: str) -> None:
    theirs = type(tiny_hub.processor(model_type).image_processor)
    np.testing.assert_allclose(sam.family.mean, theirs.image_mean)
    np.testing.assert_allclose(sam.family.std, theirs.image_std)
