"""Mask transformers: label maps in the official order by hand, and where the library's are right, against it."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as tv

from lit_samseg.baselines import HubSegmenter
from tests.baselines.tiny_segmenters import CLASSES, SIDE, random_image, save

SIZES = [(45, 70), (71, 43), (64, 64), (1, 9), (200, 131)]
NETWORKS: dict[str, Any] = {
    "eomt": hf.EomtForUniversalSegmentation,
    "eomt_dinov3": hf.EomtDinov3ForUniversalSegmentation,
    "mask2former": hf.Mask2FormerForUniversalSegmentation,
    "maskformer": hf.MaskFormerForInstanceSegmentation,
}


# They differ in the backbone only, which is the library's.
EOMTS = pytest.mark.parametrize("kind", ["eomt", pytest.param("eomt_dinov3", marks=pytest.mark.slow)])


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hub")
    return {kind: save(kind, root / kind) for kind in NETWORKS}


def normalised(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    small = tv.resize(image, [height, width], antialias=True).float() / 255
    return (small - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]


def run(kind: str, folder: Path, pixels: torch.Tensor) -> Any:
    with torch.no_grad():
        return NETWORKS[kind].from_pretrained(folder).eval()(pixel_values=pixels)


def scores(masks: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return torch.einsum("qc,qhw->chw", classes.softmax(-1)[:, :-1], masks.sigmoid())


def resized(values: torch.Tensor, height: int, width: int) -> torch.Tensor:
    return F.interpolate(values[None], (height, width), mode="bilinear", align_corners=False)[0]


def stretched_size(height: int, width: int) -> tuple[int, int]:
    """Shorter side 64, longer at most 256, both rounded up to multiples of 32 by stretching."""
    short: float = SIDE
    if max(height, width) / min(height, width) * short > 256:
        short = 256 * min(height, width) / max(height, width)
    tall, wide = (x * short / min(height, width) for x in (height, width))
    return tuple(-32 * (-int(x + 1e-6) // 32) for x in (tall, wide))  # type: ignore[return-value]


# The quicker one is that of Mask2Former: what is done with the queries is the same.
MASKS = pytest.mark.parametrize("kind", ["mask2former", pytest.param("maskformer", marks=pytest.mark.slow)])


@MASKS
def test_mask_logits_are_upsampled_first(folders: dict[str, Path], kind: str) -> None:
    """The official order, not the library's.

    The library forms class scores at another size than the network's input: Mask2Former's at 384 x 384, MaskFormer's
    at a quarter of it (FIELD's D18), so its maps are compared only where that is the same or nearly so.
    """
    baseline = HubSegmenter(str(folders[kind]))
    skipping = HubSegmenter(str(folders[kind]), first_class=2)
    classes = set()
    alone = {}
    for height, width in SIZES:
        image = random_image(height, width)
        size = stretched_size(height, width)
        output = run(kind, folders[kind], normalised(image, *size)[None])
        at_input = scores(resized(output.masks_queries_logits[0], *size), output.class_queries_logits[0])
        at_size = resized(at_input, height, width)
        labels = alone[height, width] = baseline.label_map(image, "x")
        assert (labels != at_size.argmax(0)).sum() <= 2
        same, logits = baseline.predict(image, "x")
        assert torch.equal(same, labels)
        shares = at_size.clamp(min=1e-6)
        assert torch.allclose(logits.softmax(0), shares / shares.sum(0), atol=1e-3)
        assert (skipping.label_map(image, "x") != at_size[2:].argmax(0)).sum() <= 2
        classes |= set(labels.unique().tolist())
    assert len(classes) > 1
    for height, width in reversed(SIZES):
        assert torch.equal(baseline.label_map(random_image(height, width), "x"), alone[height, width])


@pytest.mark.parametrize(
    ("kind", "share"), [("mask2former", 0.0003), pytest.param("maskformer", 0.08, marks=pytest.mark.slow)]
)
def test_the_library_agrees_where_its_size_is_the_inputs(tmp_path: Path, kind: str, share: float) -> None:
    """An input of 384 x 384, where Mask2Former's post-processing is the official one; MaskFormer's differs at edges."""
    folder = save(kind, tmp_path, size={"shortest_edge": 384, "longest_edge": 384})
    image = random_image(60, 60)
    processor = hf.AutoImageProcessor.from_pretrained(folder)
    given = processor(images=image, return_tensors="pt", do_reduce_labels=False)
    assert given["pixel_values"].shape[2:] == (384, 384)
    output = run(kind, folder, given["pixel_values"])
    (expected,) = processor.post_process_semantic_segmentation(output, target_sizes=[(60, 60)])
    labels = HubSegmenter(str(folder)).label_map(image, "x")
    assert (labels != expected).double().mean() <= share
    assert len(labels.unique()) > 1


@MASKS
def test_padding_to_a_fixed_size_is_left_out(folders: dict[str, Path], tmp_path: Path, kind: str) -> None:
    """The library squeezes the padded map into the image."""
    padding = save(kind, tmp_path, pad_size={"height": 256, "width": 256})
    image = random_image(45, 70)
    expected = HubSegmenter(str(folders[kind])).label_map(image, "x")
    assert torch.equal(HubSegmenter(str(padding)).label_map(image, "x"), expected)


def windows_by_hand(kind: str, folder: Path, image: torch.Tensor) -> torch.Tensor:
    """Class scores of the official ``eval_step`` of EoMT, at the image's size."""
    height, width = image.shape[1:]
    long = int(SIDE * max(height, width) / min(height, width))
    pixels = normalised(image, long, SIDE) if height > width else normalised(image, SIDE, long)
    count = -(-long // SIDE)
    step = SIDE - (count * SIDE - long) / max(1, count - 1)
    starts = [int(i * step) for i in range(count)]
    axis = 1 if height > width else 2
    crops = torch.stack([pixels.narrow(axis, start, SIDE) for start in starts])
    output = run(kind, folder, crops)
    total = torch.zeros(len(CLASSES), *pixels.shape[1:])
    seen = torch.zeros(1, *pixels.shape[1:])
    for start, masks, classes in zip(starts, output.masks_queries_logits, output.class_queries_logits, strict=True):
        total.narrow(axis, start, SIDE).add_(scores(resized(masks, SIDE, SIDE), classes))
        seen.narrow(axis, start, SIDE).add_(1)
    return resized(total / seen, height, width)


@EOMTS
def test_windows_are_averaged(folders: dict[str, Path], kind: str) -> None:
    """By hand and by the library, whose order is the official one here."""
    folder = folders[kind]
    baseline = HubSegmenter(str(folder))
    skipping = HubSegmenter(str(folder), first_class=1)
    processor = hf.AutoImageProcessor.from_pretrained(folder)
    classes = set()
    for height, width in SIZES:
        image = random_image(height, width)
        expected = windows_by_hand(kind, folder, image)
        labels = baseline.label_map(image, "x")
        assert labels.is_contiguous()
        assert (labels != expected.argmax(0)).sum() <= 2
        same, logits = baseline.predict(image, "x")
        assert torch.equal(same, labels)
        shares = expected.clamp(min=1e-6)
        assert torch.allclose(logits.softmax(0), shares / shares.sum(0), atol=1e-3)
        assert (skipping.label_map(image, "x") != expected[1:].argmax(0)).sum() <= 2
        given = processor(images=image, return_tensors="pt", input_data_format="channels_first")
        output = run(kind, folder, given["pixel_values"])
        output.patch_offsets = given["patch_offsets"]
        (theirs,) = processor.post_process_semantic_segmentation(
            output, target_sizes=[(height, width)], size={"shortest_edge": SIDE, "longest_edge": None}
        )
        assert (labels != theirs).sum() <= 2
        classes |= set(labels.unique().tolist())
    assert len(classes) > 2


@EOMTS
def test_padding_of_unsplit_images_is_cut_away(tmp_path: Path, kind: str) -> None:
    """By hand: the library squeezes the padded map into the image."""
    size = {"shortest_edge": SIDE, "longest_edge": SIDE}
    folder = save(kind, tmp_path, size=size, do_split_image=False, do_pad=True)
    baseline = HubSegmenter(str(folder))
    processor = hf.AutoImageProcessor.from_pretrained(folder)
    shares = {}
    for height, width, inside in [(45, 70, (41, 64)), (71, 43, (64, 39)), (64, 64, (64, 64)), (1, 9, (7, 64))]:
        image = random_image(height, width)
        black = normalised(torch.zeros(3, 1, 1, dtype=torch.uint8), SIDE, SIDE)
        black[:, : inside[0], : inside[1]] = normalised(image, *inside)
        output = run(kind, folder, black[None])
        masks = resized(output.masks_queries_logits[0], SIDE, SIDE)[:, : inside[0], : inside[1]]
        expected = resized(scores(masks, output.class_queries_logits[0]), height, width).argmax(0)
        labels = baseline.label_map(image, "x")
        assert (labels != expected).sum() <= 2
        output.patch_offsets = None
        (theirs,) = processor.post_process_semantic_segmentation(output, target_sizes=[(height, width)], size=size)
        shares[inside] = float((theirs != labels).double().mean())
    assert shares.pop((SIDE, SIDE)) <= 0.0005
    assert max(shares.values()) > 0.05


def test_facts(folders: dict[str, Path]) -> None:
    for kind, folder in folders.items():
        baseline = HubSegmenter(str(folder))
        assert baseline.name == kind
        assert baseline.num_classes == len(CLASSES)
        assert baseline.class_names == CLASSES
        assert not any(p.requires_grad for p in baseline.parameters())
