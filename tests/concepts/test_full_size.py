"""Random networks of the published sizes, with fewer layers, against the library."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from PIL import Image

from lit_samseg.concepts import BoxesByText, HubConcepts
from tests.cache.counting import CountingSam
from tests.concepts import tiny_text_prompted as tiny

PHRASE = "a thing 7"
TEXT = {"num_hidden_layers": 2}


def sam3() -> tuple[Any, Any]:
    config = hf.Sam3Config()
    config.vision_config.backbone_config.num_hidden_layers = config.text_config.num_hidden_layers = 2
    config.vision_config.backbone_config.global_attn_indexes = [1]
    return hf.Sam3Model(config), hf.Sam3Processor(hf.Sam3ImageProcessor(), tiny.clip_tokenizer())


def clipseg() -> tuple[Any, Any]:
    words = TEXT | {"eos_token_id": tiny.clip_tokenizer().eos_token_id}
    config = hf.CLIPSegConfig(
        text_config=words, vision_config={"patch_size": 16}, use_complex_transposed_convolution=True
    )
    images = hf.ViTImageProcessor(size={"height": 352, "width": 352})
    return hf.CLIPSegForImageSegmentation(config), hf.CLIPSegProcessor(images, tiny.clip_tokenizer())


def grounding_dino() -> tuple[Any, Any]:
    config = hf.GroundingDinoConfig(text_config={"model_type": "bert"} | TEXT, encoder_layers=1, decoder_layers=2)
    processor = hf.GroundingDinoProcessor(hf.GroundingDinoImageProcessor(), tiny.bert_tokenizer())
    return hf.GroundingDinoForObjectDetection(config), processor


def owlv2() -> tuple[Any, Any]:
    config = hf.Owlv2Config(text_config=TEXT, vision_config={"image_size": 960, "num_hidden_layers": 2})
    tokenizer = tiny.clip_tokenizer(pad_token="!", model_max_length=16)
    return hf.Owlv2ForObjectDetection(config), hf.Owlv2Processor(hf.Owlv2ImageProcessor(), tokenizer)


def ask(made: tuple[Any, Any], image: torch.Tensor, text: list[Any], folder: Path) -> Any:
    """Ask the library, and save what was asked."""
    model, processor = made
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    inputs = dict(processor(text=text, images=[picture], return_tensors="pt"))
    inputs.pop("original_sizes", None)
    with torch.no_grad():
        output = model.eval()(**inputs)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return output


@pytest.mark.slow
@pytest.mark.parametrize("make", [sam3, clipseg])
def test_segmenters(make: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    image = tiny.picture(375, 500)
    expected = ask(make(), image, [PHRASE], tmp_path)
    concepts = HubConcepts(str(tmp_path), least_score=0.0, most_instances=200)
    said = concepts.segment(concepts.encode(image), [PHRASE])
    assert said.semantic is not None
    if make is clipseg:
        assert said.semantic.shape == (1, 352, 352)
        torch.testing.assert_close(said.semantic[0], expected.logits.reshape(352, 352), atol=1e-3, rtol=1e-5)
        return
    assert said.semantic.shape == (1, 288, 288)
    torch.testing.assert_close(said.semantic, expected.semantic_seg[:, 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(said.presence, expected.presence_logits[:, 0].sigmoid(), atol=1e-5, rtol=0)
    assert said.instances is not None
    scores, order = expected.pred_logits[0].sigmoid().sort(descending=True)
    torch.testing.assert_close(said.instances[0].scores, scores, atol=1e-5, rtol=0)
    torch.testing.assert_close(said.instances[0].masks.sum((1, 2)), expected.pred_masks[0, order].sum((1, 2)))


@pytest.mark.slow
@pytest.mark.parametrize(("make", "queries"), [(grounding_dino, 900), (owlv2, 3600)])
def test_detectors(make: Any, queries: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    image = tiny.picture(375, 500)
    expected = ask(make(), image, [[PHRASE]], tmp_path)
    concepts = BoxesByText(str(tmp_path), CountingSam())
    with torch.inference_mode():
        seen = concepts.encode(image).content[1]
        scores, boxes = concepts.detector.find(concepts.model, seen, concepts.texts.read([PHRASE]))
    assert scores.shape == (1, queries)
    torch.testing.assert_close(scores, expected.logits.sigmoid().max(-1).values, atol=1e-5, rtol=0)
    torch.testing.assert_close(boxes, expected.pred_boxes, atol=1e-5, rtol=0)
