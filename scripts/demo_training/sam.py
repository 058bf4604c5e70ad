"""The demo's SAM."""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from safetensors.torch import save_file
from segment_anything.modeling import Sam
from torch import Tensor
from torch.nn import functional as F

from demo_training.prompts import RECIPE_SHARES, RECIPES, BoolMask, Prompts, draw_prompts, true_regions
from demo_training.scenes import scene, training_scene
from lit_samseg.data.scene_generator import CLASS_NAMES, VOID
from lit_samseg.finetune.losses import sam_loss, target_shares
from lit_samseg.finetune.schedule import warm_up_and_decay
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.official.architecture import DEMO, build_sam


def decode(sam: Sam, embedding: Tensor, prompts: Prompts) -> tuple[Tensor, Tensor]:
    """Low-resolution logits [P, 4, m, m] (the single mask first) and predicted IoU [P, 4]."""
    # Positions need more digits than bfloat16 has.
    with torch.autocast("cpu", enabled=False):
        sparse, dense = sam.prompt_encoder(prompts.points, prompts.boxes, prompts.masks)
        place = sam.prompt_encoder.get_dense_pe()
    masks, quality = sam.mask_decoder.predict_masks(embedding, place, sparse, dense)
    return masks.float(), quality.float()


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
    started, running = time.monotonic(), np.zeros(2)
    for step in range(args.sam_steps):
        share = (step + 1) / args.sam_steps
        sam.train()
        optimizer.param_groups[0]["lr"] = args.sam_lr * warm_up_and_decay(step, args.sam_steps)
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
            regions = torch.from_numpy(np.stack(prompts.regions))
            shares, known = target_shares(regions, (label != VOID).expand_as(regions), frame)
            targets.append(shares)
            weights.append(known * (known > 0.3))
        logits, quality = (torch.cat(tensors) for tensors in zip(*decoded, strict=True))
        loss = sam_loss(logits, quality, torch.cat(targets), torch.cat(weights), alpha=0.25, alive=0.1).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss + (1 - 0.8 * share) * reading)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        running += loss.item(), reading.item()
        if (step + 1) % args.report == 0:
            line = " ".join(f"{name} {value:.3f}" for name, value in sam_quality(sam, 8).items() if "component" in name)
            print(
                f"sam {step + 1}/{args.sam_steps} loss {running[0] / args.report:.3f} "
                f"read {running[1] / args.report:.3f} {time.monotonic() - started:.0f} s | {line}",
                flush=True,
            )
            running[:] = 0
    for name, value in sam_quality(sam, args.held_out).items():
        print(f"sam mean IoU on {args.held_out} held-out scenes: {name} {value:.4f}")
    state = {name: tensor.detach().contiguous() for name, tensor in sam.state_dict().items()}
    metadata = {"format": "lit_samseg.sam", "architecture": DEMO.to_json()}
    with atomic_file(args.output / "sam.safetensors") as draft:
        save_file(state, draft, metadata=metadata)
