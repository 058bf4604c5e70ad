"""Whether onnxruntime answers as torch does: of one picture, prompts of every kind."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.errors import InputError
from lit_samseg.export import TOLERANCE
from lit_samseg.export.graphs import Graphs
from lit_samseg.sam import Candidates, Prompt, PromptableSegmenter
from lit_samseg.sam.onnx_segmenter import OnnxSegmenter

MANY = 12


@dataclass(frozen=True)
class Parity:
    """Largest differences between onnxruntime and torch, as parts of the largest number or absolute if that is below 1.

    Attributes:
        embedding: Of the encoder's outputs.
        logits: Of the masks, end to end.
        scores: Of the predicted IoUs, end to end.
        prompts: How many prompts were compared.
    """

    embedding: float
    logits: float
    scores: float
    prompts: int

    def check(self) -> None:
        """Refuse an export that computes something else.

        Raises:
            InputError: A difference is above `TOLERANCE`.
        """
        # Not the other way round: a NaN is no agreement.
        if not all(found <= TOLERANCE for found in (self.embedding, self.logits, self.scores)):
            raise InputError(
                f"onnxruntime's answers differ from torch's (embedding {self.embedding:.1e}, logits {self.logits:.1e}, "
                f"scores {self.scores:.1e}) by more than {TOLERANCE:g}; nothing is written"
            )


def compare(sam: PromptableSegmenter, graphs: Graphs, folder: Path) -> Parity:
    """Compare a SAM with what was exported of it.

    Args:
        sam: The SAM.
        graphs: What was exported.
        folder: Where it lies.

    Returns:
        How far they are apart.
    """
    exported = OnnxSegmenter(str(folder))
    # Neither square nor of the frame's size.
    side = sam.frame(torch.empty(3, 1, 1)).size
    image = _picture(side // 2, side * 2 // 3)
    [ours], [theirs] = sam.encode([image]), exported.encode([image])
    pairs = zip((ours.features, *ours.levels), (theirs.features, *theirs.levels), strict=True)
    embedding = _largest(difference(*pair) for pair in pairs)
    prompts = list(prompts_of_all_kinds(*image.shape[1:]))
    logits, scores = [], []
    for multimask in (True, False):
        answers = [one.decode(where, prompts, multimask) for one, where in ((sam, ours), (exported, theirs))]
        for n in range(len(prompts)):
            logits.append(difference(*(_inside(answer, n) for answer in answers)))
            scores.append(difference(*(answer.scores[n] for answer in answers)))
    # Padded and by the dozen: no request of this package, but other programs'.
    inputs = padded_prompts(side, ours.frame.mask_size)
    names = [one.name for one in exported.decoder.get_inputs()]
    features = (ours.features[None], *inputs, *(level[None] for level in ours.levels))
    together = graphs.decoder(*features)
    answered = exported.decoder.run(None, {n: x.contiguous().numpy() for n, x in zip(names, features, strict=True)})
    logits.append(difference(together[0], torch.from_numpy(answered[0])))
    scores.append(difference(together[1], torch.from_numpy(answered[1])))
    return Parity(embedding, _largest(logits), _largest(scores), 2 * len(prompts) + MANY)


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Return the largest difference, as a part of our largest number if that is above 1."""
    return float((ours - theirs).abs().max() / ours.abs().max().clamp(min=1))


def prompts_of_all_kinds(height: int, width: int) -> Iterator[Prompt]:
    """Yield prompts of the paper's rows, and more, for an image of a size."""
    size = torch.tensor([width, height], dtype=torch.float64)
    numbers = torch.Generator().manual_seed(0)
    box = torch.cat([size * 0.2, size * 0.7])
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    for count in (0, 1, 2, 30):
        points = torch.rand(count, 2, generator=numbers, dtype=torch.float64) * size if count else None
        for corners in (None, box):
            for inside in (None, mask):
                if count or corners is not None or inside is not None:
                    yield Prompt(points=points, box=corners, mask=inside)
    yield Prompt(points=(size / 2)[None], negative_points=(size / 4)[None])
    yield Prompt(negative_points=(size / 4)[None], box=box)


def padded_prompts(size: int, mask_size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return prompts with labels of all kinds, of which some are no point: the decoder's inputs after the embedding."""
    numbers = torch.Generator().manual_seed(0)
    coordinates = torch.rand(MANY, 5, 2, generator=numbers) * size
    labels = torch.randint(-1, 4, (MANY, 5), generator=numbers).float()
    return coordinates, labels, torch.randn(MANY, 1, mask_size, mask_size, generator=numbers), torch.ones(1)


def _largest(differences: Iterable[float]) -> float:
    """Return the largest; NaN if one is."""
    return float(torch.tensor(list(differences)).max())


def _inside(answer: Candidates, index: int) -> Tensor:
    """Return the logits that belong to the image; what lies in the padding need not be SAM's."""
    rows, columns = answer.frame.low_res_used
    return answer.low_res_logits[index, :, :rows, :columns]


def _picture(height: int, width: int) -> Tensor:
    """Return a picture of soft blots, uint8 ``[3, height, width]``."""
    coarse = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0)) * 255
    return F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 255).to(torch.uint8)[0]
