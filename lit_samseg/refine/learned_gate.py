"""A learned gate: a logistic regression decides, region by region, between SAM's mask and the region itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.checkpoints.weights import sha256_of_file
from lit_samseg.errors import InputError
from lit_samseg.refine.cells import sample_nearest
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.grid import Grid
from lit_samseg.refine.margin import class_margin
from lit_samseg.runtime.atomic import atomic_file

FORMAT = "lit_samseg.gate"
STABILITY_OFFSET = 1.0
"""By which the threshold is moved both ways, as in SAM's automatic mask generator."""

FEATURES = (
    "predicted_iou",  # SAM's own opinion of the mask
    "iou",  # of mask and region
    "stability",  # IoU of the mask at thresholds +1 and -1
    "log_area",  # of the region, in cells
    "log_ratio",  # of the mask's area to the region's
    "fill",  # how much of its box the region fills
    "margin",  # mean of the baseline's class margin over the region
    "margin_added",  # over what the mask adds to it
    "margin_removed",  # over what the mask takes away from it
    "share_added",  # how much of the mask is added
    "share_removed",  # how much of the region is taken away
    "contrast",  # mean gradient of colour along the mask's border, less that along the region's
)


class LearnedGate(nn.Module):
    """Says of a region whether SAM's mask is better than the region. A new one says yes to every mask with a pixel.

    Args:
        variant: Name of the row it is trained for.
        sam_sha256: SHA-256 of that row's SAM.
        baseline_sha256: SHA-256 of its baseline, or None where that has none.
        trained_on: The training's images; they cannot be evaluated on.
        sha256: SHA-256 of the file; empty for one that is not written yet.

    Attributes:
        mean: Of each of the ``F`` features in training, float32 ``[F]``.
        std: Standard deviation, likewise.
        weight: Of each feature less its mean and divided by its deviation, likewise.
        bias: float32 scalar.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        variant: str = "",
        sam_sha256: str | None = None,
        baseline_sha256: str | None = None,
        trained_on: TrainedOn = TrainedOn(),
        sha256: str = "",
    ) -> None:
        super().__init__()
        self.variant, self.sam_sha256, self.baseline_sha256 = variant, sam_sha256, baseline_sha256
        self.trained_on, self.sha256 = trained_on, sha256
        self.register_buffer("mean", torch.zeros(len(FEATURES)))
        self.register_buffer("std", torch.ones(len(FEATURES)))
        self.weight = nn.Parameter(torch.zeros(len(FEATURES)), requires_grad=False)
        self.bias = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logit of the mask's being the better one, float32 ``[...]``, of features ``[..., F]``."""
        logits: Tensor = (((features - self.mean) / self.std) * self.weight).sum(-1) + self.bias
        return logits

    def keeps(self, decision: Decision, grid: Grid) -> Tensor:
        """Return whether the mask is likelier the better one, bool scalar; never where it is empty."""
        logit: Tensor = self(features(decision, grid))
        return (logit > 0) & decision.kept.masks.any()

    def foreign(self, variants: Sequence[str], sam_sha256: str | None, baseline_sha256: str | None) -> list[str]:
        """Return in words what is not as it was in the training; nothing of a gate that was not trained.

        Args:
            variants: Names of the rows it is to decide for.
            sam_sha256: SHA-256 of their SAM.
            baseline_sha256: SHA-256 of their baseline.
        """
        if not self.variant:
            return []
        found = [f"row {name} (it learned from {self.variant})" for name in variants if name != self.variant]
        found += ["another SAM"] if sam_sha256 != self.sam_sha256 else []
        return found + (["another baseline"] if baseline_sha256 != self.baseline_sha256 else [])

    def write(self, path: Path) -> None:
        """Write a JSON file."""
        numbers = zip(FEATURES, self.mean.tolist(), self.std.tolist(), self.weight.tolist(), strict=True)
        content = {
            "format": FORMAT,
            "variant": self.variant,
            "sam_sha256": self.sam_sha256,
            "baseline_sha256": self.baseline_sha256,
            "features": {name: {"mean": mean, "std": std, "weight": weight} for name, mean, std, weight in numbers},
            "bias": self.bias.item(),
            "trained_on": self.trained_on.listed(),
        }
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_gate(path: Path) -> LearnedGate:
    """Read ``gate.json``.

    Raises:
        InputError: There is no such file, it is no gate, one of other features, or has numbers that cannot be used.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"no such gate: {path}; give the gate.json that lit-samseg fit wrote") from error
    except OSError as error:
        raise InputError(f"gate {path} cannot be read: {error.strerror}; give a gate.json") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON; give the gate.json that lit-samseg fit wrote") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is no gate; give the gate.json that lit-samseg fit wrote")
    try:
        return _gate_of(content, path)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"gate {path} is damaged; train it again with lit-samseg fit") from error


def _gate_of(content: dict[str, Any], path: Path) -> LearnedGate:
    given = content["features"]
    if list(given) != list(FEATURES):
        raise InputError(f"gate {path} is of other features than this version's; train it again with lit-samseg fit")
    variant, sam, baseline = (content[name] for name in ("variant", "sam_sha256", "baseline_sha256"))
    if not isinstance(variant, str) or not all(text is None or isinstance(text, str) for text in (sam, baseline)):
        raise ValueError("expected texts")
    gate = LearnedGate(variant, sam, baseline, TrainedOn.read(content["trained_on"]), sha256_of_file(path))
    numbers = {name: [given[feature][name] for feature in FEATURES] for name in ("mean", "std", "weight")}
    numbers |= {"bias": content["bias"]}
    flat = [*numbers["mean"], *numbers["std"], *numbers["weight"], numbers["bias"]]
    if not all(type(number) in (int, float) for number in flat):
        raise ValueError("expected numbers")
    state = {name: torch.tensor(values, dtype=torch.float32) for name, values in numbers.items()}
    if not all(tensor.isfinite().all() for tensor in state.values()) or not (state["std"] > 0).all():
        raise InputError(
            f"gate {path} has numbers that are not finite, or deviations that are not above 0; train it again with "
            "lit-samseg fit"
        )
    gate.load_state_dict(state)
    return gate


def features(decision: Decision, grid: Grid) -> Tensor:
    """Describe SAM's kept mask beside its region.

    All is counted on SAM's grid, on which mask and region have a few thousand cells at most. What has no cell has a
    mean, a share or an IoU of 0. No device is waited for.

    Args:
        decision: What became of the region.
        grid: The image and what the baseline thinks of it.

    Returns:
        float32 ``[F]`` in the order of ``FEATURES``.
    """
    region, (height, width) = decision.region, grid.shape
    chosen = decision.chosen[None]
    logits = decision.logits.index_select(0, chosen)[0, :height, :width]
    mask, area = logits > 0, sample_nearest(region.numbers, grid.frame) == region.number
    added, removed = mask & ~area, area & ~mask
    margin, gradient = class_margin(region.class_id, grid), colour_gradient(grid.image)
    cells = area.sum().clamp(min=1)
    # Known to the CPU, which need not ask the device.
    x_min, y_min, x_max, y_max = region.box.tolist()
    fill = region.area / ((x_max - x_min + 1) * (y_max - y_min + 1))
    values = [
        decision.scores.index_select(0, chosen)[0],
        _share(mask & area, mask | area),
        _share(logits > STABILITY_OFFSET, logits > -STABILITY_OFFSET),
        cells.log(),
        (mask.sum().clamp(min=1) / cells).log(),
        gradient.new_full((), fill),
        _mean(margin, area),
        _mean(margin, added),
        _mean(margin, removed),
        _share(added, mask),
        _share(removed, area),
        _mean(gradient, border(mask)) - _mean(gradient, border(area)),
    ]
    return torch.stack([value.float() for value in values])


def colour_gradient(image: Tensor) -> Tensor:
    """Return the length of the gradient of colour from central differences, float32 ``[h, w]`` of ``[3, h, w]``."""
    padded = F.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    return (across.square() + down.square()).sum(0).sqrt()


def border(mask: Tensor) -> Tensor:
    """Return the cells with one beside, above or below them that is on the mask's other side, bool ``[h, w]``."""
    found = torch.zeros_like(mask)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    found[:, 1:] |= across
    found[:, :-1] |= across
    found[1:] |= down
    found[:-1] |= down
    return found


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return part.sum() / whole.sum().clamp(min=1)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum() / where.sum().clamp(min=1)
