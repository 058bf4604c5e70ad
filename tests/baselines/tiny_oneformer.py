"""A tiny random OneFormer, saved as the hub has it."""

import json
from pathlib import Path

import torch
import transformers as hf

from tests.baselines.tiny_segmenters import NAMES, enliven, swin

LENGTH = 22


def write_tokenizer(folder: Path) -> None:
    """A CLIP tokenizer of single letters and two merges."""
    letters = sorted(set("thetaskissemanticpanopticinstance"))
    words = [*letters, *(f"{letter}</w>" for letter in letters), "th", "the</w>", "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i + 3 for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\nt h\nth e</w>\n")


def save_oneformer(path: Path) -> Path:
    """Save it as the hub does: trained with its text encoder, and with names of classes to be downloaded."""
    torch.manual_seed(5)
    config = hf.OneFormerConfig(
        backbone_config=swin(),
        num_queries=12,
        hidden_dim=32,
        mask_dim=32,
        conv_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        encoder_layers=1,
        decoder_layers=3,
        num_attention_heads=2,
        task_seq_len=LENGTH,
        text_encoder_width=64,
        text_encoder_num_layers=1,
        text_encoder_vocab_size=60,
        text_encoder_context_length=LENGTH,
        is_training=True,
        **NAMES,
    )
    model = hf.OneFormerForUniversalSegmentation(config)
    enliven(model)
    model.save_pretrained(path)
    hf.OneFormerImageProcessor(num_text=4, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.25, 0.3]).save_pretrained(path)
    settings = json.loads((path / "preprocessor_config.json").read_text())
    settings |= {"class_info_file": "ade20k_panoptic.json", "repo_path": "shi-labs/oneformer_demo"}
    (path / "preprocessor_config.json").write_text(json.dumps(settings))
    write_tokenizer(path)
    return path
