"""Tiny random networks that are prompted by words, saved as the hub would."""

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers as hf

from tests.baselines.tiny_segmenters import swin
from tests.sam import tiny_hub

LETTERS = string.ascii_lowercase + string.digits
SIDE = {"sam3": 56, "sam3_video": 56, "sam3_lite_text": 56, "clipseg": 48, "owlv2": 48}
MASK_SIDE = {"sam3": 16, "sam3_video": 16, "sam3_lite_text": 16, "clipseg": 48}
BERT_WORDS = 1100


def clip_tokenizer(**more: Any) -> Any:
    """Single characters and a few merges; the end has the highest number, as in CLIP, and "!" the lowest."""
    merges = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("t", "h"), ("th", "ing")]
    words = ["!", *LETTERS, *(f"{letter}</w>" for letter in LETTERS), *("".join(pair) for pair in merges), "ing"]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return hf.CLIPTokenizer(vocab={word: n for n, word in enumerate(words)}, merges=merges, **more)


def bert_tokenizer() -> Any:
    """BERT's numbers of the tokens that Grounding DINO knows by number, and single characters."""
    words = [f"[unused{n}]" for n in range(BERT_WORDS)]
    known = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    known |= {200 + n: letter for n, letter in enumerate(LETTERS)}
    known |= {300 + n: f"##{letter}" for n, letter in enumerate(LETTERS)}
    known |= {400: "cat", 401: "dog", 402: "thing"}
    for n, word in known.items():
        words[n] = word
    return hf.BertTokenizer(vocab={word: n for n, word in enumerate(words)})


def text(tokenizer: Any, length: int) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "projection_dim": 32,
        "max_position_embeddings": length,
    }


def sam3_config(config_class: Any = hf.Sam3Config, **text_config: Any) -> Any:
    small = {"hidden_size": tiny_hub.DIM, "num_layers": 1, "intermediate_size": 32}
    return config_class(
        vision_config=tiny_hub.sam3_config(hf.Sam3TrackerConfig).vision_config.to_dict(),
        text_config=text(clip_tokenizer(), 32) | text_config,
        geometry_encoder_config=small,
        detr_encoder_config=small,
        detr_decoder_config=small | {"num_layers": 2, "num_queries": 9},
        mask_decoder_config={"hidden_size": tiny_hub.DIM},
    )


def sam3() -> tuple[Any, Any]:
    return hf.Sam3Model(sam3_config()), sam3_processor()


def sam3_lite_text() -> tuple[Any, Any]:
    more = {"model_type": "sam3_lite_text_text_model", "num_hidden_layers": 3, "max_position_embeddings": 77}
    return hf.Sam3LiteTextModel(sam3_config(hf.Sam3LiteTextConfig, **more)), sam3_processor()


def sam3_processor() -> Any:
    side, masks = {"height": 56, "width": 56}, {"height": 16, "width": 16}
    return hf.Sam3Processor(hf.Sam3ImageProcessor(size=side, mask_size=masks), clip_tokenizer())


def sam3_video() -> tuple[Any, Any]:
    tracker = tiny_hub.sam3_config(hf.Sam3TrackerVideoConfig, image_size=56, **tiny_hub.MEMORY).to_dict()
    config = hf.Sam3VideoConfig(detector_config=sam3_config().to_dict(), tracker_config=tracker, low_res_mask_size=16)
    return hf.Sam3VideoModel(config), sam3_processor()


def clipseg() -> tuple[Any, Any]:
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    config = hf.CLIPSegConfig(
        text_config=text(clip_tokenizer(), 77),
        vision_config=vision,
        projection_dim=16,
        extract_layers=[0, 1, 2],
        reduce_dim=16,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
    )
    # As published: squares are larger than the encoder's own, and the numbers are ImageNet's.
    images = hf.ViTImageProcessor(
        size={"height": 48, "width": 48}, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]
    )
    return hf.CLIPSegForImageSegmentation(config), hf.CLIPSegProcessor(images, clip_tokenizer())


def grounding_dino() -> tuple[Any, Any]:
    backbone = swin().to_dict() | {"out_features": ["stage2", "stage3", "stage4"], "out_indices": [2, 3, 4]}
    config = hf.GroundingDinoConfig(
        backbone_config=backbone,
        text_config={
            "model_type": "bert",
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "vocab_size": BERT_WORDS,
            "max_position_embeddings": 64,
        },
        d_model=32,
        num_queries=10,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=4,
        max_text_len=40,
    )
    images = hf.GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 160})
    return hf.GroundingDinoForObjectDetection(config), hf.GroundingDinoProcessor(images, bert_tokenizer())


def owlv2() -> tuple[Any, Any]:
    tokenizer = clip_tokenizer(pad_token="!", model_max_length=16)
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 48,
        "patch_size": 8,
    }
    words = text(tokenizer, 16)
    words.pop("projection_dim")
    config = hf.Owlv2Config(text_config=words, vision_config=vision, projection_dim=32)
    images = hf.Owlv2ImageProcessor(size={"height": 48, "width": 48})
    return hf.Owlv2ForObjectDetection(config), hf.Owlv2Processor(images, tokenizer)


MODELS: dict[str, tuple[Callable[[], tuple[Any, Any]], Any, Any]] = {
    "sam3": (sam3, hf.Sam3Model, hf.Sam3Processor),
    "sam3_video": (sam3_video, hf.Sam3Model, hf.Sam3Processor),
    "sam3_lite_text": (sam3_lite_text, hf.Sam3LiteTextModel, hf.Sam3Processor),
    "clipseg": (clipseg, hf.CLIPSegForImageSegmentation, hf.CLIPSegProcessor),
    "grounding-dino": (grounding_dino, hf.GroundingDinoForObjectDetection, hf.GroundingDinoProcessor),
    "owlv2": (owlv2, hf.Owlv2ForObjectDetection, hf.Owlv2Processor),
}
"""By ``model_type``: what is saved, and the classes that transformers reads it with."""


def save(model_type: str, folder: Path) -> Path:
    """Save a tiny random network with its processor and tokenizer."""
    torch.manual_seed(3)
    model, processor = MODELS[model_type][0]()
    tiny_hub.randomise(model)
    if model_type == "sam3_video":
        model.config.save_pretrained(folder)
        state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        safetensors.torch.save_file(state, folder / "model.safetensors")
    else:
        model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def picture(height: int, width: int) -> torch.Tensor:
    numbers = torch.Generator().manual_seed(height)
    coarse = torch.rand(1, 3, 5, 7, generator=numbers) * 255
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    return (fine + 20 * torch.rand(3, height, width, generator=numbers)).clamp(0, 255).to(torch.uint8)
