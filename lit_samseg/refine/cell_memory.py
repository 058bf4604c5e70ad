"""A memory that looks at each cell by itself: one hidden layer over what SAM sees in it and around it."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.refine.feature_memory import FeatureMemory, check_channels
from lit_samseg.refine.seen_cells import SeenCells, see_cells
from lit_samseg.sam.frame import Frame


class CellMemory(FeatureMemory):
    """A memory of one hidden layer over `SeenCells`.

    What is of the embedding's coarse cells is brought to the grid's after the first linear map, which is the same and
    many times cheaper.

    Args:
        class_names: Of the classes that it knows.
        coarse: Channels of `SeenCells.coarse`.
        fine: Channels of `SeenCells.fine`.
        hidden: Width of the hidden layer.
        sam_sha256: As for `FeatureMemory`.
        trained_on: As for `FeatureMemory`.
        sha256: As for `FeatureMemory`.
    """

    def __init__(
        self,
        class_names: tuple[str, ...],
        coarse: int,
        fine: int,
        hidden: int,
        sam_sha256: str | None = None,
        trained_on: TrainedOn = TrainedOn(),
        sha256: str = "",
    ) -> None:
        super().__init__(class_names, sam_sha256, trained_on, sha256)
        self.around = nn.Linear(coarse, hidden)
        self.within = nn.Linear(fine, hidden, bias=False)
        self.out = nn.Linear(hidden, len(class_names))

    @staticmethod
    def sizes(state: Mapping[str, Tensor]) -> tuple[int, int, int]:
        """Return ``coarse``, ``fine`` and ``hidden`` of a file's tensors."""
        (hidden, coarse), (_, fine) = (state[f"{layer}.weight"].shape for layer in ("around", "within"))
        return coarse, fine, hidden

    def forward(self, coarse: Tensor, fine: Tensor, dropout: float = 0.0) -> Tensor:
        """Return class logits of cells, under `balance`.

        Args:
            coarse: What is seen around each, float32 ``[N, coarse]`` (`seen_at`).
            fine: What is seen in each, float32 ``[N, fine]``.
            dropout: Share of the hidden layer that is left out.

        Returns:
            float32 ``[N, C]``.
        """
        return self._told(self.around(coarse), fine, dropout)

    def _told(self, around: Tensor, fine: Tensor, dropout: float = 0.0) -> Tensor:
        hidden = F.dropout(F.gelu(around + self.within(fine)), dropout, training=dropout > 0)
        logits: Tensor = self.out(hidden)
        return logits

    def remember(self, image: Tensor, frame: Frame, embedding: Tensor, features: Tensor | None) -> Tensor:
        """See each cell, and tell its class."""
        return self.log_probabilities(see_cells(image, frame, embedding, features))

    def log_probabilities(self, cells: SeenCells) -> Tensor:
        """Return how likely each class is at each cell, float32 ``[C, h, w]``, classes as frequent as in training.

        Raises:
            InputError: SAM's embedding or features have other channels than in training.
        """
        known = self.around.in_features, self.within.in_features
        check_channels(known, (len(cells.coarse), len(cells.fine)))
        coarse = self.around(cells.coarse.movedim(0, -1)).movedim(-1, 0)
        brought = F.interpolate(coarse[None], scale_factor=cells.step, mode="bilinear", align_corners=False)[0]
        height, width = cells.fine.shape[1:]
        logits = self._told(brought[:, :height, :width].flatten(1).T, cells.fine.flatten(1).T)
        likely: Tensor = self.natural(logits).T.view(-1, height, width)
        return likely
