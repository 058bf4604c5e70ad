"""The same weights through segment-anything and through transformers give the same refined maps."""

import numpy as np
import pytest
import safetensors.torch
import torch

from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.refine import parse_variants, refine
from lit_samseg.refine.variant import PAPER_VARIANTS
from lit_samseg.sam import HubSam, SegmentAnything
from lit_samseg.sam.official.architecture import DEMO, SamArchitecture, build_sam
from tests.refine.contexts import context_of
from tests.sam.hub_layout import save_in_hub_layout
from tests.sam.tiny_hub import randomise

Pair = tuple[SegmentAnything, HubSam]

VARIANTS = [
    *PAPER_VARIANTS,
    *(f"{recipe}@component" for recipe in PAPER_VARIANTS),
    "mask",
    "box+mask",
    "box@class/score",
    "points+box+mask@component/score",
    "point@class/single",
    "box@component/single",
]
# Window attention with padding (window 3 on a grid of 8), one head for all, other widths than the built-in one.
ODD = SamArchitecture(
    image_size=64, patch_size=8, encoder_dim=24, encoder_depth=3, encoder_heads=2, encoder_global_attention=(1,),
    window_size=3, prompt_dim=16, decoder_depth=1, decoder_heads=2, decoder_mlp_dim=24, iou_head_hidden_dim=20,
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The built-in SAM, trained: its masks are real ones."""
    folder = tmp_path_factory.mktemp("demo-hf")
    save_in_hub_layout(safetensors.torch.load_file(DEMO_WEIGHTS / "sam.safetensors"), DEMO, folder)
    return SegmentAnything("demo"), HubSam(str(folder))


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("random-hf")
    network = build_sam(ODD)
    randomise(network)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    safetensors.torch.save_file(state, folder / "sam.safetensors", metadata={"architecture": ODD.to_json()})
    save_in_hub_layout(network.state_dict(), ODD, folder)
    return SegmentAnything(str(folder / "sam.safetensors")), HubSam(str(folder))


def scene(index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture, its ground truth, and a coarse label map as a baseline would give."""
    image, labels = generate_scene(99, index)
    target = np.where(labels == 255, 0, labels).astype(np.int64)
    coarse = target[::8, ::8].repeat(8, 0).repeat(8, 1)[: target.shape[0], : target.shape[1]]
    return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(target), torch.from_numpy(coarse.copy())


def compare_refined_maps(pair: Pair, indices: range) -> tuple[int, int, int]:
    """Refine scenes through both; return pixels that differ, pixels, and pixels that refining changed."""
    differing = total = changed = 0
    for index in indices:
        image, target, coarse = scene(index)
        embeddings = [sam.encode([image])[0] for sam in pair]
        torch.testing.assert_close(embeddings[0].features, embeddings[1].features, atol=1e-4, rtol=0)
        for variant in parse_variants(VARIANTS, has_background=True):
            contexts = [
                context_of(coarse, sam, image=image, embedding=embedding, target=target)
                for sam, embedding in zip(pair, embeddings, strict=True)
            ]
            assert all(context.regions(variant.finder) for context in contexts)
            official, ours = (refine(context, variant) for context in contexts)
            differing += int((official != ours).sum())
            changed += int((official != coarse).sum())
            total += official.numel()
    return differing, total, changed


SCENES = pytest.mark.parametrize("scenes", [1, pytest.param(3, marks=pytest.mark.slow)])


@SCENES
def test_trained_weights_refine_alike(trained: Pair, scenes: int) -> None:
    """Tolerance: one pixel in ten thousand (logits near zero round to either side)."""
    differing, total, changed = compare_refined_maps(trained, range(scenes))
    assert changed > 0.005 * total
    assert differing <= 1e-4 * total


@SCENES
def test_random_weights_refine_alike(random: Pair, scenes: int) -> None:
    """Likewise for sizes other than the built-in ones."""
    differing, total, changed = compare_refined_maps(random, range(scenes))
    assert changed > 0.005 * total
    assert differing <= 1e-4 * total


def test_real_masks_are_good_ones(trained: Pair) -> None:
    """The comparison above is of masks that mean something: boxes bring the coarse map nearer to the truth."""
    image, target, coarse = scene(0)
    sam = trained[1]
    (variant,) = parse_variants(["box@component"], has_background=True)
    refined = refine(context_of(coarse, sam, image=image), variant)
    assert (refined != target).float().mean() < (coarse != target).float().mean()
