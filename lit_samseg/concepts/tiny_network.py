"""The network behind `TinyConcepts`: what a phrase asks for is compared with what an image shows at each place."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.concepts.words import BUCKETS, buckets_of, words_of

SIZE = 160
"""Side of the square that the network sees, in pixels."""
STRIDE = 2
"""Pixels of the square to a cell of the masks."""

_QUERY = 48
_COARSE = 8


@dataclass(frozen=True)
class Seen:
    """What the network sees in an image.

    Attributes:
        fine: float ``[..., 48, 80, 80]``, to be compared with what a phrase asks for in each cell.
        coarse: float ``[..., 48, 20, 20]``, to be compared with what shows that it is there at all.
    """

    fine: Tensor
    coarse: Tensor


@dataclass(frozen=True)
class Asked:
    """What phrases ask for.

    Attributes:
        fine: float ``[..., 49]``, a vector and an offset.
        coarse: float ``[..., 49]``, likewise.
    """

    fine: Tensor
    coarse: Tensor


class PhraseEncoder(nn.Module):
    """A bag of hashed words and trigrams; each word is looked at alone, and the strongest sign of any word counts."""

    def __init__(self, width: int = 32, signs: int = 64) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(BUCKETS, width, mode="mean")
        # What no training touches says nothing.
        nn.init.zeros_(self.table.weight)
        self.signs = nn.Linear(width, signs, bias=False)
        self.hidden = nn.Linear(signs, signs)
        self.query = nn.Linear(signs, 2 * (_QUERY + 1))

    def forward(self, phrase: str) -> Asked:
        """Encode one phrase; one without a letter has no sign of anything."""
        signs = self.signs.weight.new_zeros(self.signs.out_features)
        words = [buckets_of(word) for word in words_of(phrase)]
        if words:
            starts = [0]
            for word in words[:-1]:
                starts.append(starts[-1] + len(word))
            device = signs.device
            flat = torch.tensor([bucket for word in words for bucket in word], device=device)
            bags = self.table(flat, torch.tensor(starts, device=device))
            signs = self.signs(bags).max(0).values
        fine, coarse = self.query(self.hidden(signs).relu()).split(_QUERY + 1)
        return Asked(fine, coarse)


class ImageEncoder(nn.Module):
    """A U-Net (Ronneberger et al., 2015) of strides 2 to 16, which sees most of the square from each place."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [
                _layer(3, 32, 5, 2),
                nn.Sequential(_layer(32, 64, 3, 2), _layer(64, 64)),
                nn.Sequential(_layer(64, 96, 3, 2), _layer(96, 96), _layer(96, 96), _layer(96, 96)),
                nn.Sequential(_layer(96, 128, 3, 2), *(_layer(128, 128, 3, 1, gap) for gap in (1, 2, 3, 1))),
            ]
        )
        self.up = nn.ModuleList(
            [
                nn.Sequential(_layer(128 + 96, 96, 1), _layer(96, 96)),
                nn.Sequential(_layer(96 + 64, 64, 1), _layer(64, 64)),
                nn.Sequential(_layer(64 + 32, 32, 1), _layer(32, 32)),
            ]
        )
        self.fine = nn.Conv2d(32, _QUERY, 1)
        self.coarse = nn.Conv2d(96, _QUERY, 1)

    def forward(self, squares: Tensor) -> Seen:
        """Look at squares, float ``[B, 3, 160, 160]`` in -1 to 1 with zeros where there is no image."""
        levels: list[Tensor] = []
        features = squares
        for down in self.down:
            features = down(features)
            levels.append(features)
        coarse = None
        for up, beside in zip(self.up, levels[-2::-1], strict=True):
            features = up(torch.cat([F.interpolate(features, scale_factor=2.0), beside], 1))
            coarse = self.coarse(features) if coarse is None else coarse
        assert coarse is not None
        return Seen(self.fine(features), coarse)


class TinyConceptNetwork(nn.Module):
    """Both encoders, and what makes answers of them."""

    def __init__(self) -> None:
        super().__init__()
        self.image = ImageEncoder()
        self.phrase = PhraseEncoder()
        self.presence = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))

    def ask(self, phrases: Sequence[str]) -> Asked:
        """Encode phrases one by one: float ``[P, 49]`` each."""
        asked = [self.phrase(phrase) for phrase in phrases]
        return Asked(torch.stack([one.fine for one in asked]), torch.stack([one.coarse for one in asked]))

    def answer(self, seen: Seen, asked: Asked, inside: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Compare one image with phrases.

        Args:
            seen: Of one image.
            asked: Of ``P`` phrases.
            inside: Rows and columns of cells with any of the image in them; padding is no evidence.

        Returns:
            Logits of each cell ``[P, 80, 80]``, and of presence ``[P]``.
        """
        fine = compare(seen.fine, asked.fine)
        coarse = compare(seen.coarse, asked.coarse)
        rows, columns = inside
        kept = fine[:, :rows, :columns]
        near = F.avg_pool2d(kept[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
        part = _COARSE // STRIDE
        places = coarse[:, : -(-rows // part), : -(-columns // part)]
        evidence = [near.amax((1, 2)), kept.sigmoid().sum((1, 2)).log1p(), places.logsumexp((1, 2))]
        return fine, self.presence(torch.stack(evidence, 1) / 4)[:, 0]


def compare(features: Tensor, asked: Tensor) -> Tensor:
    """Return ``[..., P, h, w]``, each place's vector ``[..., D, h, w]`` times ``P`` vectors, with their offsets."""
    vectors = asked[:, :-1] / _QUERY**0.5
    return torch.einsum("pd,...dhw->...phw", vectors, features) + asked[:, -1, None, None]


def _layer(inputs: int, outputs: int, side: int = 3, stride: int = 1, gap: int = 1) -> nn.Sequential:
    if side == 1:
        gap = 2  # means nothing here, but torch takes a faster way on a processor for it
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, gap * (side // 2), gap, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
