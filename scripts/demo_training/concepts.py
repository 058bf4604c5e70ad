"""The demo's network that is prompted by words."""

from __future__ import annotations

import argparse
import time
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from demo_training.concept_figures import print_figures
from demo_training.phrases import draw_nothing, draw_phrase
from lit_samseg.concepts.tiny import frame_of, square_of
from lit_samseg.concepts.tiny_network import Seen, TinyConceptNetwork, compare
from lit_samseg.data.scene_generator import CLASS_NAMES, SPLIT_SEEDS, VOID, generate_scene
from lit_samseg.finetune.schedule import warm_up_and_decay
from lit_samseg.runtime.atomic import atomic_file

NOTHINGS = 4
"""Phrases of a step that mean nothing."""

View = tuple[Tensor, Tensor, tuple[int, int]]


@cache
def view(index: int) -> View:
    """One training scene as the network sees it.

    Returns:
        The resized image, uint8 [3, h, w]; its classes at the centres of the mask's cells, uint8 [80, 80], `VOID` in
        padding; and how many rows and columns have any of the image in them.
    """
    image, label = generate_scene(SPLIT_SEEDS["train"], index)
    frame = frame_of(*label.shape)
    height, width = frame.resized
    step = frame.size / frame.mask_size
    inside = (int(-(-height // step)), int(-(-width // step)))
    classes = np.full((frame.mask_size, frame.mask_size), VOID, np.uint8)
    rows, columns = (
        np.minimum(((np.arange(cells) + 0.5) * step * whole / scaled).astype(int), whole - 1)
        for cells, whole, scaled in zip(inside, label.shape, (height, width), strict=True)
    )
    classes[: inside[0], : inside[1]] = label[np.ix_(rows, columns)]
    picture = torch.from_numpy(image).permute(2, 0, 1)
    return frame.resize_image(picture).contiguous(), torch.from_numpy(classes), inside


def augmented(seen: View, rng: np.random.Generator) -> View:
    """Mirror a view and change its colours; what a thing is does not depend on them."""
    image, classes, inside = seen
    pixels = image[torch.from_numpy(rng.permutation(3))].float()
    pixels = (pixels - 128) * float(rng.uniform(0.75, 1.25)) + 128 + float(rng.uniform(-20, 20))
    pixels = pixels.clamp(0, 255)
    if rng.random() < 0.5:
        classes = classes.clone()
        classes[:, : inside[1]] = classes[:, : inside[1]].flip(-1)
        pixels = pixels.flip(-1)
    return pixels, classes, inside


def loss_of(
    network: TinyConceptNetwork, views: list[View], rng: np.random.Generator
) -> tuple[Tensor, NDArray[np.float64]]:
    """Ask one step's images about every class, in words drawn for the step, and about nothing."""
    squares = torch.stack([square_of(pixels) for pixels, _, _ in views]).contiguous(memory_format=torch.channels_last)
    seen = network.image(squares)
    names = CLASS_NAMES[1:]
    asked = network.ask([draw_phrase(name, rng) for name in names] + [draw_nothing(rng) for _ in range(NOTHINGS)])
    # What is in each of the coarse cells; for training alone, so that objects are found early.
    coarse = compare(seen.coarse, asked.coarse)
    answers = [
        network.answer(Seen(fine, coarse), asked, inside)
        for fine, coarse, (_, _, inside) in zip(seen.fine, seen.coarse, views, strict=True)
    ]
    logits, presences = (torch.stack(tensors) for tensors in zip(*answers, strict=True))
    classes = torch.stack([classes for _, classes, _ in views]).long()
    known = (classes != VOID)[:, None]
    wanted = torch.zeros_like(logits)
    wanted[:, : len(names)] = (classes[:, None] == torch.arange(1, len(CLASS_NAMES))[:, None, None]).float()
    there = wanted.flatten(2).any(2).float()
    cells = (F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * known).sum((0, 2, 3)) / known.sum()
    part = logits.shape[-1] // coarse.shape[-1]
    near, known_near = F.max_pool2d(wanted, part), F.max_pool2d(known.float(), part)
    rough = (F.binary_cross_entropy_with_logits(coarse, near, reduction="none") * known_near).sum() / known_near.sum()
    # The ground's logit is 0: phrases of different classes should not claim the same cell.
    against = torch.cat([torch.zeros_like(logits[:, :1]), logits[:, : len(names)]], 1)
    classed = F.cross_entropy(against, classes, ignore_index=VOID)
    shares = logits.sigmoid() * known
    common = (shares * wanted).sum((2, 3))
    dice = 1 - (2 * common + 1) / (shares.sum((2, 3)) + (wanted * known).sum((2, 3)) + 1)
    dice = (dice * there).sum() / there.sum().clamp(min=1)
    presence = F.binary_cross_entropy_with_logits(presences, there)
    loss = cells.sum() + rough + classed + 0.5 * dice + presence
    return loss, np.array([float(part.detach()) for part in (cells.sum(), rough, classed, dice, presence)])


def learn_words(network: TinyConceptNetwork, steps: int, rng: np.random.Generator) -> None:
    """Teach the phrase encoder which phrases mean the same before any image is looked at.

    Otherwise words that are all alike and an image encoder that finds nothing wait for each other. A head of this
    training only reads the class off what a phrase asks for.
    """
    names = CLASS_NAMES[1:]
    width = 2 * len(network.ask(["ball"]).fine[0])
    head = torch.nn.Linear(width, len(CLASS_NAMES))
    classes = torch.tensor([*range(1, len(CLASS_NAMES)), *[0] * len(names)])
    optimizer = torch.optim.AdamW([*network.phrase.parameters(), *head.parameters()], lr=5e-3)
    right = []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 5e-3 * warm_up_and_decay(step, steps)
        asked = network.ask([draw_phrase(name, rng) for name in names] + [draw_nothing(rng) for _ in names])
        read = head(torch.cat([asked.fine, asked.coarse], 1))
        optimizer.zero_grad()
        torch.autograd.backward(F.cross_entropy(read, classes))
        optimizer.step()
        right.append(float((read.argmax(1) == classes).float().mean()))
    if right:
        print(f"concepts read {np.mean(right[-100:]):.4f} of phrases rightly before training", flush=True)


def train_concepts(args: argparse.Namespace) -> None:
    """Train the network and write `concepts.safetensors`."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    network = TinyConceptNetwork()
    learn_words(network, args.concept_words, rng)
    network.image.to(memory_format=torch.channels_last)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.02  # batches are small
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.concept_lr, weight_decay=0.02)
    started, running = time.monotonic(), np.zeros(5)
    for step in range(args.concept_steps):
        network.train()
        optimizer.param_groups[0]["lr"] = args.concept_lr * warm_up_and_decay(step, args.concept_steps)
        first = step * args.concept_batch
        views = [augmented(view((first + i) % args.concept_scenes), rng) for i in range(args.concept_batch)]
        loss, parts = loss_of(network, views, rng)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        running += parts
        if (step + 1) % args.report == 0:
            means = " ".join(
                f"{name} {value:.4f}"
                for name, value in zip(
                    ("cells", "coarse", "classes", "dice", "presence"), running / args.report, strict=True
                )
            )
            print(f"concepts {step + 1}/{args.concept_steps} {means} {time.monotonic() - started:.0f} s", flush=True)
            running[:] = 0
            if (step + 1) % (5 * args.report) == 0:
                save(network, args)
    save(network, args)
    print_figures(args.output / "concepts.safetensors", args.held_out)


def save(network: TinyConceptNetwork, args: argparse.Namespace) -> None:
    """Write the weights, matrices in half precision."""
    state = {
        name: (tensor.half() if tensor.dim() > 1 else tensor).detach().contiguous()
        for name, tensor in network.state_dict().items()
    }
    with atomic_file(args.output / "concepts.safetensors") as draft:
        save_file(state, draft, metadata={"format": "lit_samseg.concepts"})
