"""A memory that looks at a cell amid all others: a light U-Net over SAM's features and the picture."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.refine.feature_memory import FeatureMemory, check_channels
from lit_samseg.refine.seen_planes import SeenPlanes, see_planes
from lit_samseg.sam.frame import Frame

LEAST_WIDTH = 8
GROUPS = 8
"""Of channels that are normalised together; batch statistics would be of a few crops."""
DILATIONS = (1, 2, 4, 8)
"""Of the residual convolutions at the coarsest level."""
COARSEST = 4
"""Grid cells along a side of a cell of the coarsest level, as many as an embedding cell of SAM's."""


class ConvolutionalMemory(FeatureMemory):
    """A memory of three levels (U-Net, Ronneberger et al., 2015) over `SeenPlanes`, 0.5 million weights.

    The picture goes down from the grid's cells to cells of 4 x 4. There SAM's embedding and its places are added,
    dilated convolutions look around, and the mean of all is added too. On the way up the finer levels come back, and at
    last the decoder's features.

    Args:
        class_names: Of the classes that it knows.
        embedding: Channels of SAM's embedding.
        features: Channels of SAM's features of each grid cell; 0 for a SAM that gives none.
        width: Channels of the coarsest level, `LEAST_WIDTH` or more; the finer ones have a half and a quarter.
        sam_sha256: As for `FeatureMemory`.
        trained_on: As for `FeatureMemory`.
        sha256: As for `FeatureMemory`.

    Raises:
        ValueError: ``width`` is too small, or a number of channels is none.
    """

    def __init__(
        self,
        class_names: tuple[str, ...],
        embedding: int,
        features: int,
        width: int,
        sam_sha256: str | None = None,
        trained_on: TrainedOn = TrainedOn(),
        sha256: str = "",
    ) -> None:
        super().__init__(class_names, sam_sha256, trained_on, sha256)
        if width < LEAST_WIDTH or embedding < 1 or features < 0:
            raise ValueError(f"width is {width}, for {embedding} and {features} channels; give {LEAST_WIDTH} or more")
        quarter, half, third = width // 4, width // 2, width // 3
        self.channels = embedding, features
        self.fine = nn.Sequential(_normed(3, quarter, stride=2), _normed(quarter, quarter))
        self.middle = nn.Sequential(_normed(quarter, half, stride=2), _normed(half, half))
        self.coarse = _normed(half, width, stride=2)
        self.embedded = nn.Conv2d(embedding + 2, width, 1)
        self.around = nn.Sequential(*(_Residual(width, dilation) for dilation in DILATIONS))
        self.whole = nn.Linear(width, width)
        self.to_middle, self.in_middle = nn.Conv2d(width, half, 1), _normed(half, half)
        self.to_fine, self.in_fine = nn.Conv2d(half, third, 1), _normed(third, third)
        self.detail = nn.Conv2d(quarter + features, third, 1)
        self.out = nn.Conv2d(third, len(class_names), 1)

    @staticmethod
    def sizes(state: Mapping[str, Tensor]) -> tuple[int, int, int]:
        """Return ``embedding``, ``features`` and ``width`` of a file's tensors."""
        width, embedding, _, _ = state["embedded.weight"].shape
        _, detail, _, _ = state["detail.weight"].shape
        return embedding - 2, detail - width // 4, width

    def forward(self, planes: SeenPlanes, dropout: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        """Return class logits of the grid's cells, under `balance`.

        Args:
            planes: What is seen.
            dropout: Share of the embedding's channels, and of the coarsest level's, that is left out.
            generator: Draws them, on the CPU.

        Returns:
            float32 ``[C, h, w]``.
        """
        fine = self.fine((planes.picture[None] - 0.5) * 4)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        seen = _dropped(planes.embedding, dropout, generator)
        embedded = self.embedded(torch.cat([seen, planes.places])[None])
        coarse = self.around(coarse + _brought(embedded, coarse.shape[2:], planes.step))
        coarse = coarse + self.whole(coarse.mean((2, 3)))[..., None, None]
        coarse = _dropped(coarse[0], dropout, generator)[None]
        middle = self.in_middle(_doubled(self.to_middle(coarse), middle.shape[2:]) + middle)
        detail = self.detail(torch.cat([fine, planes.features[None]], 1))
        logits: Tensor = self.out(self.in_fine(_doubled(self.to_fine(middle), fine.shape[2:]) + detail))
        return logits[0]

    def remember(self, image: Tensor, frame: Frame, embedding: Tensor, features: Tensor | None) -> Tensor:
        """See the image, and tell the class of each cell."""
        check_channels(self.channels, (len(embedding), 0 if features is None else len(features)))
        logits = self(see_planes(image, frame, embedding, features))
        likely: Tensor = self.natural(logits.flatten(1).T).T.view(logits.shape)
        return likely


class _Residual(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.around, self.out = _normed(width, width, dilation=dilation), nn.Conv2d(width, width, 1)

    def forward(self, planes: Tensor) -> Tensor:
        added: Tensor = self.out(self.around(planes))
        return planes + added


def _normed(given: int, made: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return a convolution of 3 x 3 cells with group normalisation; with a stride of 2, half of odd sides rounds up."""
    convolution = nn.Conv2d(given, made, 3, stride, dilation, dilation, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(math.gcd(GROUPS, made), made), nn.GELU())


def _dropped(planes: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Leave a share of the planes ``[D, h, w]`` out, and raise the others by as much."""
    if not share:
        return planes
    kept = torch.rand(len(planes), generator=generator) >= share
    return planes * (kept / (1 - share)).to(planes.device)[:, None, None]


def _brought(embedded: Tensor, shape: torch.Size, step: float) -> Tensor:
    """Interpolate what is of the embedding's cells ``[1, D, h', w']`` at cells of the coarsest level, ``shape``."""
    if step == COARSEST and embedded.shape[2:] == shape:
        return embedded
    # Cells of the coarsest level in units of the embedding's, then of `grid_sample`: -1 and 1 are the borders.
    y, x = (
        (torch.arange(cells, device=embedded.device, dtype=torch.float32) + 0.5) * (COARSEST / step) / length * 2 - 1
        for cells, length in zip(shape, embedded.shape[2:], strict=True)
    )
    places = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None]
    return F.grid_sample(embedded, places, padding_mode="border", align_corners=False)


def _doubled(planes: Tensor, shape: torch.Size) -> Tensor:
    """Interpolate planes at cells of half their size, of which ``shape`` are in the image."""
    height, width = shape
    return F.interpolate(planes, scale_factor=2.0, mode="bilinear", align_corners=False)[..., :height, :width]
