"""Train the demo's two networks on generated scenes and write the weights shipped in the package.

Reads no data but `lit_samseg.data.scene_generator`. Training uses the `train` scenes, the numbers
printed at the end come from `val` scenes; `test` scenes are not touched. With the defaults on two
free cores: about 15 minutes for the baseline and 20 for the SAM. Steps, not minutes, make a run
repeatable, on one machine with one number of threads; other machines round differently.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from segment_anything.modeling import Sam
from torch import Tensor
from torch.nn import functional as F
from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

from lit_samseg.data.scene_generator import CLASS_NAMES, SPLIT_SEEDS, VOID, generate_scene
from lit_samseg.sam.architecture import DEMO, build_sam
from lit_samseg.sam.frame import Frame

BoolMask = NDArray[np.bool_]

CANVAS = 193  # 16 * 12 + 1: with stride 16 and aligned corners the 13 grid points fall on pixels
RECIPES = ("point", "points", "box", "points+box", "mask", "box+mask", "points+box+mask")
RECIPE_SHARES = (0.15, 0.15, 0.25, 0.15, 0.06, 0.12, 0.12)


@cache
def scene(split: str, index: int) -> tuple[Tensor, Tensor]:
    """One scene of a split: image uint8 [3, H, W], label uint8 [H, W]."""
    image, label = generate_scene(SPLIT_SEEDS[split], index)
    return torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(label)


def training_scene(step: int, args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """The scene of a training step: scenes in turn, every second time around mirrored."""
    image, label = scene("train", step % args.scenes)
    return (image.flip(-1), label.flip(-1)) if (step // args.scenes) % 2 else (image, label)


def progress(step: int, steps: int, started: float, minutes: float | None) -> float:
    """Share of the training that is over after the coming step, by steps or by the clock."""
    by_clock = (time.monotonic() - started) / (60 * minutes) if minutes else 0.0
    return max((step + 1) / steps, by_clock)


def learning_rate(peak: float, share: float) -> float:
    """Linear warm-up over a twentieth of the training, then a cosine down to zero."""
    warm = 0.05
    if share < warm:
        return peak * share / warm
    return peak * 0.5 * (1 + float(np.cos(np.pi * (share - warm) / (1 - warm))))


def publish(finished: Path, target: Path) -> None:
    """Move a finished file to its name in one step; safetensors makes files only its owner reads."""
    finished.chmod(0o644)
    os.replace(finished, target)


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
    started, running, step = time.monotonic(), 0.0, 0
    while (share := progress(step, args.baseline_steps, started, args.baseline_minutes)) <= 1:
        model.train()
        optimizer.param_groups[0]["lr"] = learning_rate(args.baseline_lr, share)
        first = step * args.baseline_batch
        images, labels = on_canvas([training_scene(first + i, args) for i in range(args.baseline_batch)])
        loss = F.cross_entropy(canvas_logits(model, images), labels, ignore_index=VOID)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        running += loss.item()
        step += 1
        if step % args.report == 0:
            miou = baseline_miou(model, 64)[0]
            print(
                f"baseline {step}/{args.baseline_steps} loss {running / args.report:.4f} "
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
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.output) as folder:
        model.save_pretrained(folder)
        for name in ("config.json", "model.safetensors"):
            publish(Path(folder) / name, target / name)


class Prompts(NamedTuple):
    """Prompts of one image that are decoded together, and what they ask for."""

    points: tuple[Tensor, Tensor] | None  # frame pixels [P, K, 2] and labels [P, K]
    boxes: Tensor | None  # frame pixels [P, 4]
    masks: Tensor | None  # logits [P, 1, m, m]
    regions: list[BoolMask]  # the true masks, each [H, W]
    sources: list[BoolMask]  # the masks the prompts were read from, each [H, W]


def true_regions(label: NDArray[np.uint8]) -> tuple[list[BoolMask], list[BoolMask]]:
    """Connected components of at least 20 px of every class, and whole classes, bool [H, W]."""
    components, classes = [], []
    for index in range(1, len(CLASS_NAMES)):
        whole = label == index
        count, numbers = cv2.connectedComponents(whole.astype(np.uint8), connectivity=8)
        parts = [part for part in (numbers == i for i in range(1, count)) if part.sum() >= 20]
        components += parts
        if parts:
            classes.append(whole)
    return components, classes


def coarsened(region: BoolMask, rng: np.random.Generator) -> BoolMask:
    """The region as a network of stride 8 to 16 might give it: blocky, swollen or shrunk."""
    height, width = region.shape
    block = rng.integers(8, 17)
    cells = (width // block, height // block)
    planes = region.astype(np.float32)
    small = np.asarray(cv2.resize(planes, cells, interpolation=cv2.INTER_AREA), np.float32)
    small += np.float32(0.12) * (2 * rng.random(small.shape, np.float32) - 1)
    shares = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    coarse: BoolMask = shares > rng.uniform(0.25, 0.55)
    return coarse if coarse.sum() >= 20 else region


def point_prompts(source: BoolMask, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`count` points (x, y) for a region: inside it, or centroids of its components first."""
    inside = np.argwhere(source)[:, ::-1]
    points = inside[rng.integers(0, len(inside), count)].astype(np.float64)
    if rng.random() < 0.5:
        _, _, stats, centres = cv2.connectedComponentsWithStats(source.astype(np.uint8), connectivity=8)
        order = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:count]
        points[: len(order)] = centres[order]
    return points


def draw_prompts(
    pool: list[BoolMask],
    frame: Frame,
    recipe: str,
    count: int,
    coarse_share: float,
    rng: np.random.Generator,
) -> Prompts:
    """Prompts for regions of one image; no prompt is padded, so all have the same length.

    Args:
        pool: Regions, bool [H, W]; taken in random order, again from the start if `count` asks.
        frame: Where the image lies in SAM's input.
        recipe: Any of `point`, `points`, `box`, `mask` joined by `+`.
        count: Number of prompts P.
        coarse_share: How often points and boxes come from a coarsened region too; mask prompts
            always do.
        rng: Random numbers.
    """
    order = rng.permutation(len(pool))
    regions = [pool[order[i % len(pool)]] for i in range(count)]
    per_prompt = int(rng.integers(2, 6)) if "points" in recipe else 1
    points, boxes, masks, sources = [], [], [], []
    for region in regions:
        coarse = coarsened(region, rng)
        source = coarse if "mask" in recipe or rng.random() < coarse_share else region
        sources.append(source)
        points.append(point_prompts(source, per_prompt, rng))
        ys, xs = np.nonzero(source)
        box = np.array([xs.min(), ys.min(), xs.max(), ys.max()], np.float64)
        if coarse_share and rng.random() < 0.5:
            box += rng.uniform(-0.08, 0.08, 4) * np.tile(box[2:] - box[:2] + 1, 2)
        boxes.append(box)
        masks.append(frame.mask_prompt(torch.from_numpy(source).float() * 2 - 1) * 10)
    xy = frame.to_frame(torch.from_numpy(np.stack(points))).float()
    corners = frame.to_frame(torch.from_numpy(np.stack(boxes)).view(count, 2, 2)).float()
    return Prompts(
        (xy, torch.ones(xy.shape[:2])) if "point" in recipe else None,
        corners.view(count, 4) if "box" in recipe else None,
        torch.stack(masks) if "mask" in recipe else None,
        regions,
        sources,
    )


def into_frame(planes: Tensor, frame: Frame) -> Tensor:
    """Area shares of 0/1 planes [N, H, W] in the mask grid's cells, [N, m, m]; 0 in padding."""
    inside = F.interpolate(planes[None].float(), frame.resized, mode="bilinear", align_corners=False)
    return F.avg_pool2d(frame.pad(inside), frame.size // frame.mask_size)[0]


def decode(sam: Sam, embedding: Tensor, prompts: Prompts) -> tuple[Tensor, Tensor]:
    """Low-resolution logits [P, 4, m, m] (the single mask first) and predicted IoU [P, 4]."""
    # Positions need more digits than bfloat16 has.
    with torch.autocast("cpu", enabled=False):
        sparse, dense = sam.prompt_encoder(prompts.points, prompts.boxes, prompts.masks)
        place = sam.prompt_encoder.get_dense_pe()
    masks, quality = sam.mask_decoder.predict_masks(embedding, place, sparse, dense)
    return masks.float(), quality.float()


def mask_loss(logits: Tensor, quality: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """SAM's loss: 20 focal + dice on the best of three and on the single mask, MSE on the IoU.

    Args:
        logits: [P, 4, m, m], the single mask first.
        quality: Predicted IoU, [P, 4].
        target: Share of the region in each cell, [P, 1, m, m].
        weight: Share of known pixels in each cell, same shape; 0 for void and padding.
    """
    target, weight = target.expand_as(logits), weight.expand_as(logits)
    chance = logits.sigmoid()
    right = chance * target + (1 - chance) * (1 - target)
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    focal = (0.75 - 0.5 * target) * (1 - right) ** 2 * cross
    focal = (focal * weight).sum((2, 3)) / weight.sum((2, 3)).clamp(min=1)
    overlap = (chance * target * weight).sum((2, 3))
    total = ((chance + target) * weight).sum((2, 3))
    losses = 20 * focal + 1 - (2 * overlap + 1) / (total + 1)
    with torch.no_grad():
        found, wanted, known = logits > 0, target > 0.5, weight > 0.5
        shared = (found & wanted & known).sum((2, 3))
        iou = shared / ((found | wanted) & known).sum((2, 3)).clamp(min=1)
    # The small mean keeps alive the tokens that never win.
    best = losses[:, 1:].min(1).values + 0.1 * losses[:, 1:].mean(1)
    return (losses[:, 0] + best + (quality - iou).square().sum(1)).mean()


def sam_input(sam: Sam, image: Tensor) -> tuple[Frame, Tensor]:
    """Where the image lies in SAM's square, and the network's input, float [1, 3, S, S]."""
    size = sam.image_encoder.img_size
    frame = Frame(image.shape[1], image.shape[2], size, sam.prompt_encoder.mask_input_size[0])
    return frame, sam.preprocess(frame.resize_image(image)[None].float())


def sam_quality(sam: Sam, count: int) -> dict[str, float]:
    """Mean IoU over true regions of held-out scenes, void excluded, for each kind of prompt.

    Points and boxes are read from the true region and the best of three masks counts. Recipes with
    a mask are read from a coarsened region only and the mask most like it counts, as in use;
    `coarse` is that region's own IoU.
    """
    sam.eval()
    sums: dict[str, list[float]] = {}

    def iou(a: BoolMask, b: BoolMask, known: BoolMask) -> float:
        return float((a & b & known).sum() / max(1, ((a | b) & known).sum()))

    for index in range(count):
        image, label = scene("val", index)
        rng = np.random.default_rng([7, index])
        known = label.numpy() != VOID
        everywhere = np.ones_like(known)
        with torch.no_grad():
            frame, square = sam_input(sam, image)
            embedding = sam.image_encoder(square)
            for kind, pool in zip(("component", "class"), true_regions(label.numpy()), strict=True):
                for recipe in RECIPES if pool else ():
                    prompts = draw_prompts(pool, frame, recipe, len(pool), 0.0, rng)
                    logits = decode(sam, embedding, prompts)[0][:, 1:]
                    for row, region, source in zip(logits, prompts.regions, prompts.sources, strict=True):
                        masks = list((frame.to_image(row) > 0).numpy())
                        chosen = max(masks, key=lambda mask: iou(mask, source, everywhere))
                        name = f"{recipe}@{kind}"
                        sums.setdefault(name, []).append(iou(chosen, region, known))
                        if "mask" in recipe:
                            sums.setdefault(f"{name} (coarse)", []).append(iou(source, region, known))
    return {name: float(np.mean(values)) for name, values in sums.items()}


def reading_target(label: Tensor, frame: Frame) -> Tensor:
    """Class of each cell of the mask grid, a class of its own for borders, `VOID` in padding."""
    classes = torch.where(label == VOID, len(CLASS_NAMES), label.long())
    inside = F.interpolate(classes[None, None].float(), frame.resized, mode="nearest-exact")[0, 0]
    padding = (0, frame.size - inside.shape[1], 0, frame.size - inside.shape[0])
    stride = frame.size // frame.mask_size
    return F.pad(inside.long(), padding, value=VOID)[::stride, ::stride]


def train_sam(args: argparse.Namespace) -> None:
    """Train the SAM and write `sam.safetensors`, its architecture in the metadata."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    sam = build_sam(DEMO)
    # For training only: a head that reads class and border off the image embedding gives every
    # pixel a say from the first step, without which so short a training finds few objects.
    reader = torch.nn.Conv2d(DEMO.prompt_dim, 16 * (len(CLASS_NAMES) + 1), 1)
    parameters = [*sam.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=args.sam_lr, weight_decay=0.02)
    started, running, step = time.monotonic(), np.zeros(2), 0
    while (share := progress(step, args.sam_steps, started, args.sam_minutes)) <= 1:
        sam.train()
        optimizer.param_groups[0]["lr"] = learning_rate(args.sam_lr, share)
        scenes = [training_scene(step * args.sam_batch + i, args) for i in range(args.sam_batch)]
        frames, squares = zip(*(sam_input(sam, image) for image, _ in scenes), strict=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            embeddings = sam.image_encoder(torch.cat(squares))
            read = F.pixel_shuffle(reader(embeddings), 4).float()
        wanted = torch.stack([reading_target(label, frame) for (_, label), frame in zip(scenes, frames, strict=True)])
        reading = F.cross_entropy(read, wanted, ignore_index=VOID)
        decoded, targets, weights = [], [], []
        for (_, label), frame, embedding in zip(scenes, frames, embeddings.float(), strict=True):
            components, classes = true_regions(label.numpy())
            pool = components if rng.random() < 0.6 else classes
            if not pool:
                continue
            recipe = RECIPES[rng.choice(len(RECIPES), p=RECIPE_SHARES)]
            prompts = draw_prompts(pool, frame, recipe, args.prompts, 0.5, rng)
            with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                decoded.append(decode(sam, embedding[None], prompts))
            known = into_frame((label != VOID)[None], frame)
            shares = into_frame(torch.from_numpy(np.stack(prompts.regions)), frame)
            targets.append((shares / known.clamp(min=1e-6)).clamp(max=1)[:, None])
            weights.append((known * (known > 0.3)).expand(args.prompts, -1, -1)[:, None])
        logits, quality = (torch.cat(tensors) for tensors in zip(*decoded, strict=True))
        loss = mask_loss(logits, quality, torch.cat(targets), torch.cat(weights))
        optimizer.zero_grad()
        torch.autograd.backward(loss + (1 - 0.8 * share) * reading)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        running += loss.item(), reading.item()
        step += 1
        if step % args.report == 0:
            line = " ".join(f"{name} {value:.3f}" for name, value in sam_quality(sam, 8).items() if "component" in name)
            print(
                f"sam {step}/{args.sam_steps} loss {running[0] / args.report:.3f} "
                f"read {running[1] / args.report:.3f} {time.monotonic() - started:.0f} s | {line}",
                flush=True,
            )
            running[:] = 0
    for name, value in sam_quality(sam, args.held_out).items():
        print(f"sam mean IoU on {args.held_out} held-out scenes: {name} {value:.4f}")
    state = {name: tensor.detach().contiguous() for name, tensor in sam.state_dict().items()}
    metadata = {"format": "lit_samseg.sam", "architecture": DEMO.to_json()}
    with tempfile.TemporaryDirectory(dir=args.output) as folder:
        save_file(state, Path(folder) / "sam.safetensors", metadata=metadata)
        publish(Path(folder) / "sam.safetensors", args.output / "sam.safetensors")


def main() -> None:
    """Parse the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("lit_samseg/demo_weights"))
    parser.add_argument("--only", choices=("baseline", "sam"), help="train one of the two")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=4000, help="distinct training scenes")
    parser.add_argument("--held-out", type=int, default=200, help="scenes of the final numbers")
    parser.add_argument("--report", type=int, default=200, help="steps between progress lines")
    parser.add_argument("--baseline-steps", type=int, default=2800)
    parser.add_argument("--baseline-minutes", type=float, help="end its schedule by the clock")
    parser.add_argument("--baseline-batch", type=int, default=8)
    parser.add_argument("--baseline-lr", type=float, default=2e-3)
    parser.add_argument("--sam-steps", type=int, default=3200)
    parser.add_argument("--sam-minutes", type=float, help="end its schedule by the clock")
    parser.add_argument("--sam-batch", type=int, default=6)
    parser.add_argument("--sam-lr", type=float, default=1e-3)
    parser.add_argument("--prompts", type=int, default=6, help="prompts of one image and step")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.output.mkdir(parents=True, exist_ok=True)
    if args.only != "sam":
        train_baseline(args)
    if args.only != "baseline":
        train_sam(args)


if __name__ == "__main__":
    main()
