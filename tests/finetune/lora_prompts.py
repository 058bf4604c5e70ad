"""An image and prompts, and how far the answers of two SAMs are from each other."""

import torch

from lit_samseg.sam import Prompt, TrainableSegmenter

IMAGE = torch.randint(0, 256, (3, 45, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
MASK = torch.zeros(45, 64, dtype=torch.bool)
MASK[10:30, 12:40] = True
PROMPTS = [
    Prompt(points=torch.tensor([[20.0, 15.0]], dtype=torch.float64)),
    Prompt(box=torch.tensor([5.0, 6, 50, 40], dtype=torch.float64)),
    Prompt(points=torch.tensor([[20.0, 15.0], [30, 20]], dtype=torch.float64), mask=MASK),
]


def largest_difference(one: TrainableSegmenter, other: TrainableSegmenter) -> float:
    found = []
    for multimask in (True, False):
        ours, theirs = (sam.decode(sam.encode([IMAGE])[0], PROMPTS, multimask) for sam in (one, other))
        found.append((ours.low_res_logits - theirs.low_res_logits).abs().max() / theirs.low_res_logits.abs().max())
        found.append((ours.scores - theirs.scores).abs().max() / theirs.scores.abs().max())
    return float(torch.stack(found).max())
