"""OneFormer: the official evaluation by hand, and what its processor would give as the task."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image
from torch.nn import functional as F

from lit_samseg.baselines import OneFormer
from lit_samseg.errors import InputError
from tests.baselines.tiny_oneformer import LENGTH, save_oneformer
from tests.baselines.tiny_segmenters import CLASSES, random_image

# Image, and what ResizeShortestEdge makes of it with sides of 64 and 256: 72.5 is rounded up, 1x9 hits the longer side.
SIZES = {
    (45, 70): (64, 100),
    (71, 43): (106, 64),
    (64, 64): (64, 64),
    (128, 145): (64, 73),
    (1, 9): (28, 256),
    (200, 131): (98, 64),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_oneformer(tmp_path_factory.mktemp("oneformer"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def network(folder: Path) -> Any:
    config = hf.OneFormerConfig.from_pretrained(folder)
    config.is_training = False
    return hf.OneFormerForUniversalSegmentation.from_pretrained(folder, config=config).eval()


def tokens_by_hand(folder: Path) -> torch.Tensor:
    vocab = json.loads((folder / "vocab.json").read_text())
    words = ["<|startoftext|>", "the</w>", *"tas", "k</w>", "i", "s</w>", *"semanti", "c</w>", "<|endoftext|>"]
    return torch.tensor([[vocab[word] for word in words] + [0] * (LENGTH - len(words))])


def pixels_by_hand(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    small = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(size[::-1], Image.Resampling.BILINEAR)
    pixels = (np.asarray(small) / 255 - [0.4, 0.5, 0.6]) / [0.2, 0.25, 0.3]
    canvas = torch.zeros(3, *(-(-side // 32) * 32 for side in size))
    canvas[:, : size[0], : size[1]] = torch.from_numpy(pixels).permute(2, 0, 1).float()
    return canvas


def scores_by_hand(network: Any, tokens: torch.Tensor, image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Mask logits to the padded input, to the image, to its own size; then class scores.

    The library's post-processing is another (FIELD's D18): it forms scores at a quarter of the input and squeezes the
    padding into the image.
    """
    canvas = pixels_by_hand(image, size)
    with torch.no_grad():
        output = network(pixel_values=canvas[None], task_inputs=tokens)
    masks = F.interpolate(output.masks_queries_logits, canvas.shape[1:], mode="bilinear", align_corners=False)
    masks = F.interpolate(masks[..., : size[0], : size[1]], image.shape[1:], mode="bilinear", align_corners=False)
    classes = output.class_queries_logits[0].softmax(-1)[:, :-1]
    return torch.einsum("qc,qhw->chw", classes, masks[0].sigmoid())


def test_the_official_evaluation(folder: Path, network: Any) -> None:
    baseline = OneFormer(str(folder), short_side=64, long_side=256)
    skipping = OneFormer(str(folder), short_side=64, long_side=256, first_class=1)
    seen: list[dict[str, torch.Tensor]] = []
    baseline.model.register_forward_pre_hook(lambda module, args, kwargs: seen.append(kwargs), with_kwargs=True)
    tokens = tokens_by_hand(folder)
    classes = set()
    alone = {}
    for (height, width), size in SIZES.items():
        image = random_image(height, width)
        expected = scores_by_hand(network, tokens, image, size)
        labels = alone[height, width] = baseline.label_map(image, "x")
        torch.testing.assert_close(seen[-1]["pixel_values"][0], pixels_by_hand(image, size), atol=5e-6, rtol=0)
        assert torch.equal(seen[-1]["task_inputs"], tokens)
        assert labels.shape == (height, width)
        assert labels.dtype == torch.int64
        assert (labels != expected.argmax(0)).sum() <= 2
        same, logits = baseline.predict(image, "x")
        assert torch.equal(same, labels)
        shares = expected.clamp(min=1e-6)
        assert torch.allclose(logits.softmax(0), shares / shares.sum(0), atol=1e-3)
        assert (skipping.label_map(image, "x") != expected[1:].argmax(0)).sum() <= 2
        classes |= set(labels.unique().tolist())
    assert len(classes) > 2
    for height, width in reversed(SIZES):
        assert torch.equal(baseline.label_map(random_image(height, width), "x"), alone[height, width])


def test_official_test_sizes_are_the_default(folder: Path) -> None:
    baseline = OneFormer(str(folder))
    sizes: list[tuple[int, ...]] = []
    baseline.model.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(tuple(kwargs["pixel_values"].shape[2:])), with_kwargs=True
    )
    # 640 x 673.7 and 2560 x 3.6, each padded to multiples of 32.
    for height, width in [(19, 20), (5000, 7)]:
        baseline.label_map(random_image(height, width), "x")
    assert sizes == [(640, 704), (2560, 32)]


def test_the_library_agrees_once_masks_are_at_the_images_size(folder: Path, network: Any) -> None:
    """An image that needs no padding: what is left is the order of sigmoid and upsampling.

    Random masks have edges nearly everywhere, so maps differ far more than those of a trained network would.
    """
    image = random_image(256, 256)
    processor = hf.OneFormerImageProcessor(
        size={"shortest_edge": 256, "longest_edge": 256}, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.25, 0.3]
    )
    pixels = processor(images=image, task_inputs=["semantic"], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        output = network(pixel_values=pixels, task_inputs=tokens_by_hand(folder))
    labels = OneFormer(str(folder), short_side=256, long_side=256).label_map(image, "x")
    assert len(labels.unique()) > 1
    (theirs,) = processor.post_process_semantic_segmentation(output, target_sizes=[(256, 256)])
    assert 0 < (labels != theirs).double().mean() <= 0.25
    output.masks_queries_logits = F.interpolate(output.masks_queries_logits, (256, 256), mode="bilinear")
    (theirs,) = processor.post_process_semantic_segmentation(output, target_sizes=[(256, 256)])
    assert (labels != theirs).sum() <= 2


def test_the_task_is_what_the_librarys_processor_gives(folder: Path) -> None:
    processor = hf.OneFormerProcessor(
        image_processor=hf.OneFormerImageProcessor(),
        tokenizer=hf.CLIPTokenizer.from_pretrained(folder),
        task_seq_length=LENGTH,
    )
    given = processor(random_image(9, 9), ["semantic"], return_tensors="pt")["task_inputs"]
    assert torch.equal(OneFormer(str(folder)).task, given)
    assert (given[0, -5:] == 0).all()


def test_facts(folder: Path) -> None:
    baseline = OneFormer(str(folder), first_class=2)
    assert baseline.name == "oneformer"
    assert baseline.checkpoint == str(folder)
    assert baseline.num_classes == len(CLASSES) - 2
    assert baseline.class_names == CLASSES[2:]
    assert baseline.sha256 is not None
    assert len(baseline.sha256) == 64
    assert not any(p.requires_grad for p in baseline.parameters())
    assert not any(module.training for module in baseline.model.modules())


def test_tokenizers_are_fetched_with_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def download(hub_id: str, allow_patterns: list[str]) -> str:
        fetched.extend(allow_patterns)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert OneFormer("shi-labs/oneformer_ade20k_swin_tiny").num_classes == len(CLASSES)
    assert {"*.json", "merges.txt"} <= set(fetched)


def change(path: Path, **settings: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_unusable_checkpoints(copy: Path) -> None:
    def fails(complaint: str, **options: Any) -> None:
        with pytest.raises(InputError, match=complaint) as raised:
            OneFormer(str(copy), **options)
        assert "\n" not in str(raised.value)

    fails("short_side is 700 and long_side 640", short_side=700, long_side=640)
    fails("short_side is 0", short_side=0)
    fails("first_class is 7, .*config.json has classes 0 to 6", first_class=7)
    fails("first_class is -1", first_class=-1)
    merges = (copy / "merges.txt").read_text()
    (copy / "merges.txt").unlink()
    fails("has no tokenizer .vocab.json and merges.txt.; download the whole checkpoint")
    (copy / "merges.txt").write_text(merges)
    vocab = (copy / "vocab.json").read_text()
    (copy / "vocab.json").write_text("[")
    fails("has no usable tokenizer")
    (copy / "vocab.json").write_text(vocab)
    for broken in ({"image_mean": None}, {"image_std": [1, 2]}):
        settings = (copy / "preprocessor_config.json").read_text()
        change(copy / "preprocessor_config.json", **broken)
        fails("preprocessor_config.json does not give image_mean and image_std")
        (copy / "preprocessor_config.json").write_text(settings)
    (copy / "preprocessor_config.json").unlink()
    fails("has no .*preprocessor_config.json, .*download the whole checkpoint")


def test_the_newer_of_two_settings_files_goes_first(copy: Path) -> None:
    settings = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.6, 0.7]}
    (copy / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
    baseline = OneFormer(str(copy))
    torch.testing.assert_close(baseline.mean.flatten(), torch.tensor([25.5, 51.0, 76.5]))
    torch.testing.assert_close(baseline.std.flatten(), torch.tensor([127.5, 153.0, 178.5]))


def test_another_architecture(copy: Path) -> None:
    change(copy / "config.json", model_type="mask2former")
    with pytest.raises(InputError, match=r"describes 'mask2former'.*use lit_samseg.baselines.HubSegmenter"):
        OneFormer(str(copy))


def test_dinat_backbones_say_what_they_need(copy: Path) -> None:
    change(copy / "config.json", backbone_config={"model_type": "dinat"})
    with pytest.raises(InputError, match=r"DiNAT backbone, which needs the library natten.*Swin backbone"):
        OneFormer(str(copy))


def test_a_closer_look_is_with_larger_sides(folder: Path) -> None:
    image = random_image(45, 70)
    near = OneFormer(str(folder), short_side=64, long_side=256).look_closer(image, 1.5)
    _, scores = OneFormer(str(folder), short_side=96, long_side=384).predict(image, "")
    assert torch.equal(near, scores)
