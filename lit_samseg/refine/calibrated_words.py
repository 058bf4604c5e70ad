"""How far words can be believed: what a segmenter's answers were worth on training images."""

import torch
from torch import Tensor, nn

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.told import Told

LARGEST = 12.0
"""Evidence is looked at as a logit, between this and its negative."""
BINS = 49
"""So many logits, evenly spaced, at which it is known what evidence is worth; between them it is interpolated."""
RAW_LARGEST = 6.0
"""The most that a logit counts where nothing is calibrated."""
RAW_FLOOR = -6.0
"""Log-probability of a class that the baseline finds nowhere likely, where nothing is calibrated."""
RAW_SHARE = 0.5
"""How likely a cell's class must be to belong to an object that words find."""


class CalibratedWords(nn.Module):
    """What a text-prompted segmenter's evidence is worth, by class; a new one says that it is worth nothing.

    Args:
        class_names: The data set's.
        concepts: Digest of the segmenter's identity; None where it has none.
        phrases: Digest of what was asked.
        baseline_sha256: The baseline's; None where there is none.
        trained_on: The training's images; they cannot be evaluated on.
        sha256: SHA-256 of the file; empty for one that is not written yet.

    Attributes:
        ratios: At each of `BINS` logits, the logarithm of how much likelier such evidence is in places of a class than
            in others, float32 ``[C, BINS]``; 0 says nothing.
        shares: There, how likely a cell is of a class that is in the image, float32 ``[C, BINS]``.
        weight: What ratios are multiplied with beside the baseline's log-probabilities, float32 scalar.
        floor: Log-probability of a class that the baseline finds nowhere likely, float32 scalar.
        kept: Logistic regression of three features and 1: whether a class that the baseline's label map has is in the
            image, float32 ``[4]``.
        added: Likewise: whether an object that words find, and the label map has not, is there.
    """

    ratios: Tensor
    shares: Tensor
    floor: Tensor
    kept: Tensor
    added: Tensor

    def __init__(
        self,
        class_names: tuple[str, ...],
        concepts: str | None = None,
        phrases: str = "",
        baseline_sha256: str | None = None,
        trained_on: TrainedOn = TrainedOn(),
        sha256: str = "",
    ) -> None:
        super().__init__()
        self.class_names, self.concepts, self.phrases = class_names, concepts, phrases
        self.baseline_sha256, self.trained_on, self.sha256 = baseline_sha256, trained_on, sha256
        self.register_buffer("ratios", torch.zeros(len(class_names), BINS))
        self.register_buffer("shares", torch.zeros(len(class_names), BINS))
        self.register_buffer("floor", torch.tensor(RAW_FLOOR))
        # Everything is kept, and nothing added.
        self.register_buffer("kept", torch.tensor([0.0, 0.0, 0.0, RAW_LARGEST]))
        self.register_buffer("added", torch.tensor([0.0, 0.0, 0.0, -RAW_LARGEST]))
        self.weight = nn.Parameter(torch.ones(()), requires_grad=False)


def probability(judgement: Tensor, features: Tensor) -> Tensor:
    """Return what a logistic regression ``[4]`` says of features, float32 ``[N, 3]``: probabilities ``[N]``."""
    return (features @ judgement[:3] + judgement[3]).sigmoid()


def logit_of(evidence: Tensor) -> Tensor:
    """Return the logit of probabilities, in ``[-LARGEST, LARGEST]``."""
    return evidence.clamp(1e-7, 1 - 1e-7).logit().clamp(-LARGEST, LARGEST)


def ratios_of(told: Told, calibrated: CalibratedWords | None) -> Tensor:
    """Return how much evidence speaks for each class at each cell, natural logarithms, float32 ``[A, h, w]``.

    Without calibration a segmenter's probability is taken at its word, to `RAW_LARGEST`.
    """
    if calibrated is None:
        return logit_of(told.evidence).clamp(-RAW_LARGEST, RAW_LARGEST)
    return _at_bins(told, calibrated.ratios)


def shares_of(told: Told, calibrated: CalibratedWords | None) -> Tensor:
    """Return how likely each cell is of each class if that is in the image, float32 ``[A, h, w]``."""
    return told.evidence if calibrated is None else _at_bins(told, calibrated.shares)


def _at_bins(told: Told, table: Tensor) -> Tensor:
    """Interpolate a table ``[C, BINS]`` at the logits of evidence."""
    own = table[told.classes]
    places = (logit_of(told.evidence) + LARGEST) * ((BINS - 1) / (2 * LARGEST))
    below = places.floor().clamp(0, BINS - 2)
    part, index = places - below, below.long().flatten(1)
    low, high = (own.gather(1, index + step).view_as(part) for step in (0, 1))
    return low + part * (high - low)


def kept_features(told: Told, grid: Grid) -> tuple[Tensor, Tensor]:
    """Describe the classes of a label map that words were asked about.

    Args:
        told: What words say.
        grid: What the baseline says.

    Returns:
        Their places among ``told.classes``, int64 ``[N]``, and for each the logit of the strongest evidence, the
        largest log-odds that the baseline gives it, and the logarithm of its share of the cells, float32 ``[N, 3]``.
    """
    share = (grid.labels[None] == told.classes[:, None, None]).flatten(1).float().mean(1)
    places = (share > 0).nonzero()[:, 0]
    odds = log_odds_of(told.classes[places], grid).flatten(1)
    largest = odds.amax(1) if len(places) else odds.new_zeros(0)
    return places, torch.stack([logit_of(told.strongest[places]), largest, share[places].log()], 1)


def log_odds_of(classes: Tensor, grid: Grid) -> Tensor:
    """Return what the baseline gives classes, as log-odds in ``[-RAW_LARGEST, RAW_LARGEST]``, float32 ``[N, h, w]``."""
    odds = torch.full((len(classes), *grid.shape), -RAW_LARGEST, device=grid.image.device)
    for n, own in enumerate(classes[:, None] == grid.classes):
        if bool(own.any()):
            odds[n] = grid.log_probabilities[own][0].exp().clamp(1e-6, 1 - 1e-6).logit()
    return odds.clamp(-RAW_LARGEST, RAW_LARGEST)
