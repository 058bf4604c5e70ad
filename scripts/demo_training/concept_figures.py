"""Figures of the network that is prompted by words, on `val` scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from demo_training.phrases import HELD_OUT, PHRASES
from demo_training.prompts import true_regions
from demo_training.scenes import scene
from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.concepts.tiny import TinyConcepts
from lit_samseg.data.scene_generator import CLASS_NAMES, VOID

MISSED, FOUND = 0.2, 0.5
"""An object is missed with less of its pixels right than the one, and found with the other or more."""


def average_precision(scores: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    """Return the mean of precisions at the ranks of the true ones; NaN where there is none."""
    ranked = true[np.argsort(-scores, kind="stable")]
    precisions = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precisions[ranked].mean()) if ranked.any() else float("nan")


def print_figures(weights: Path, count: int) -> None:
    """Print what the network finds on the first `count` scenes of `val`, beside the demo's baseline."""
    words, baseline = TinyConcepts(str(weights)), MobileNetV2DeepLab("demo")
    names = CLASS_NAMES[1:]
    phrases = [PHRASES[name][0] for name in names]
    others = [phrase for name in names for phrase in PHRASES[name][1:]]
    owner = [k for k, name in enumerate(names) for _ in PHRASES[name][1:]]
    presence, there, agreeing, nothing = [], [], [], []
    hits, unions, base_hits, base_unions = (np.zeros(len(names)) for _ in range(4))
    objects = []  # class, recall of the baseline, recall of the words
    for index in range(count):
        image, label = scene("val", index)
        known = label != VOID
        seen = words.encode(image)
        answer = words.segment(seen, [*phrases, *HELD_OUT, *others])
        evidence = answer.frame.to_image(answer.evidence()[: len(names)])
        claimed = evidence > 0.5
        base = baseline.logits(image).argmax(0)
        presence.append(answer.presence[: len(names)].numpy())
        nothing.append(answer.presence[len(names) :][: len(HELD_OUT)].numpy())
        agreeing.append((answer.presence[len(names) + len(HELD_OUT) :] - answer.presence[owner]).abs().numpy())
        there.append([bool((label == k + 1).any()) for k in range(len(names))])
        for k in range(len(names)):
            true = label == k + 1
            for found, own_hits, own_unions in (
                (claimed[k], hits, unions), (base == k + 1, base_hits, base_unions),
            ):  # fmt: skip
                own_hits[k] += int((found & true & known).sum())
                own_unions[k] += int(((found | true) & known).sum())
        for region in true_regions(label.numpy())[0]:
            inside = torch.from_numpy(region)
            k = int(label[inside][0]) - 1
            objects.append([k, (base[inside] == k + 1).float().mean().item(), claimed[k][inside].float().mean().item()])
    scores, true = np.array(presence), np.array(there)
    print(f"concepts on {count} val scenes, by each class's own name:")
    for k, name in enumerate(names):
        own = scores[:, k]
        print(
            f"  {name:7s} presence AP {average_precision(own, true[:, k]):.3f} "
            f"(there {own[true[:, k]].mean():.3f}, not {own[~true[:, k]].mean():.3f}) "
            f"IoU {hits[k] / unions[k]:.3f}, baseline {base_hits[k] / base_unions[k]:.3f}"
        )
    print(
        f"  mean presence AP {np.mean([average_precision(*pair) for pair in zip(scores.T, true.T, strict=True)]):.3f}"
    )
    print(f"  mean IoU {np.mean(hits / unions):.3f}, baseline {np.mean(base_hits / base_unions):.3f}")
    largest = np.max(nothing, 0)
    print(
        f"  presence of {len(HELD_OUT)} words never trained with: mean {np.mean(nothing):.4f}, largest "
        f"{np.max(largest):.3f} ({HELD_OUT[int(largest.argmax())]}), of the others {np.sort(largest)[-2]:.3f}"
    )
    print(f"  presence of another name of the class differs by {np.mean(agreeing):.3f} on average")
    table = np.array(objects).reshape(-1, 3)
    missed = table[table[:, 1] < MISSED]
    lost = table[table[:, 2] < MISSED]
    print(
        f"  {len(table)} objects; the baseline misses {len(missed)}, of which words find "
        f"{int((missed[:, 2] >= FOUND).sum())}; words miss {len(lost)}, of which the baseline finds "
        f"{int((lost[:, 1] >= FOUND).sum())}"
    )
