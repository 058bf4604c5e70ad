"""The demo's DeepLabV3."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

from demo_training.scenes import scene, training_scene
from lit_samseg.data.scene_generator import CLASS_NAMES, VOID
from lit_samseg.finetune.schedule import warm_up_and_decay
from lit_samseg.runtime.atomic import atomic_file

CANVAS = 193  # 16 * 12 + 1: with stride 16 and aligned corners the 13 grid points fall on pixels


def on_canvas(scenes: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Scale to [-1, 1], put top left on a canvas of zeros: [B, 3, S, S], labels int64 [B, S, S]."""
    images = torch.zeros(len(scenes), 3, CANVAS, CANVAS)
    labels = torch.full((len(scenes), CANVAS, CANVAS), VOID)
    for i, (image, label) in enumerate(scenes):
        height, width = label.shape
        images[i, :, :height, :width] = image / 127.5 - 1
        labels[i, :height, :width] = label.long()
    return images.contiguous(memory_format=torch.channels_last), labels


def canvas_logits(model: MobileNetV2ForSemanticSegmentation, images: Tensor) -> Tensor:
    """Class logits at canvas resolution, [B, C, S, S]."""
    logits: Tensor = model(images).logits
    return F.interpolate(logits, (CANVAS, CANVAS), mode="bilinear", align_corners=True)


def baseline_miou(model: MobileNetV2ForSemanticSegmentation, count: int) -> tuple[float, list[float]]:
    """Return the mIoU pooled over held-out scenes, void excluded, and the IoU of every class."""
    model.eval()
    classes = len(CLASS_NAMES)
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    for start in range(0, count, 16):
        images, labels = on_canvas([scene("val", i) for i in range(start, min(start + 16, count))])
        with torch.no_grad():
            predicted = canvas_logits(model, images).argmax(1)
        kept = labels != VOID
        confusion += torch.bincount(labels[kept] * classes + predicted[kept], minlength=classes**2).view(
            classes, classes
        )
    hit = confusion.diag()
    iou = hit / (confusion.sum(0) + confusion.sum(1) - hit)
    return float(iou.mean()), iou.tolist()


def train_baseline(args: argparse.Namespace) -> None:
    """Train the DeepLabV3 and write `deeplab/config.json` and `deeplab/model.safetensors`."""
    torch.manual_seed(args.seed)
    config = MobileNetV2Config(
        image_size=CANVAS, depth_multiplier=0.35, output_stride=16, tf_padding=True,
        finegrained_output=True, classifier_dropout_prob=0.1, num_labels=len(CLASS_NAMES),
        id2label=dict(enumerate(CLASS_NAMES)),
        label2id={name: index for index, name in enumerate(CLASS_NAMES)},
    )  # fmt: skip
    model = MobileNetV2ForSemanticSegmentation(config)
    model.to(memory_format=torch.channels_last)  # a third faster on processors
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        # The library's 0.997 is TensorFlow's decay; PyTorch reads it as "keep this batch only".
        norm.momentum = 0.02
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.baseline_lr, weight_decay=1e-4)
    started, running = time.monotonic(), 0.0
    for step in range(args.baseline_steps):
        model.train()
        optimizer.param_groups[0]["lr"] = args.baseline_lr * warm_up_and_decay(step, args.baseline_steps)
        first = step * args.baseline_batch
        images, labels = on_canvas([training_scene(first + i, args) for i in range(args.baseline_batch)])
        loss = F.cross_entropy(canvas_logits(model, images), labels, ignore_index=VOID)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        running += loss.item()
        if (step + 1) % args.report == 0:
            miou = baseline_miou(model, 64)[0]
            print(
                f"baseline {step + 1}/{args.baseline_steps} loss {running / args.report:.4f} "
                f"mIoU {miou:.4f} {time.monotonic() - started:.0f} s", flush=True,
            )  # fmt: skip
            running = 0.0
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over the batches below
    model.train()
    with torch.no_grad():
        for start in range(0, 1024, 16):
            model(on_canvas([training_scene(start + i, args) for i in range(16)])[0])
    miou, per_class = baseline_miou(model, args.held_out)
    print(f"baseline mIoU on {args.held_out} held-out scenes: {miou:.4f}")
    print("  " + " ".join(f"{name} {iou:.3f}" for name, iou in zip(CLASS_NAMES, per_class, strict=True)))
    target = args.output / "deeplab"
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        for name in ("config.json", "model.safetensors"):
            with atomic_file(target / name) as draft:
                shutil.copyfile(Path(folder) / name, draft)
