"""Training of a learned gate: when is SAM's mask better than the baseline's region?"""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.row_needs import RowNeeds
from lit_samseg.finetune.fitted import FittedModule
from lit_samseg.finetune.logistic import fit_logistic
from lit_samseg.finetune.training_prompts import true_mask
from lit_samseg.refine import Decision, Grid, LearnedGate, RowText
from lit_samseg.refine.learned_gate import FEATURES, features
from lit_samseg.sam import PromptableSegmenter

GATE = "gate.json"
_OWN = ("mean", "std", "weight", "bias")


class GateFinetune(FittedModule[Tensor]):
    """Learn when SAM's mask is better than the region it was asked about.

    Both networks stay as they are. Each region of a training image is one example: described by `features`, labelled by
    which of mask and region has the higher IoU with the ground truth, and as important as that difference times the
    square root of the region's area. At the end of each epoch a logistic regression is fitted to all examples so far,
    so that one epoch is enough, and more make sense with more views. Until then all masks are kept.

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        variants: Rows to validate with; the first with ``learned`` is trained for.
        penalty: Of the regression's squared coefficients (`fit_logistic`).
        cache_dir: Keep embeddings in this folder, for other runs too. None keeps them for the run.
        cache_max_gb: Size of that folder in GB.
        class_names: The data set's; linked on the command line, as are the next two.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Raises:
        InputError: An option is out of range, no row has ``learned``, or the first such chooses by the ground truth.
    """

    leaves = GATE

    def __init__(
        self,
        baseline: Baseline,
        sam: PromptableSegmenter,
        variants: list[RowText] = ["points+box+mask@component/learned"],  # noqa: B006 (jsonargparse shows it in --help)
        penalty: float = 0.01,
        cache_dir: str | None = None,
        cache_max_gb: float = 20.0,
        class_names: tuple[str, ...] = (),
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        gate = LearnedGate(sam_sha256=sam.tuned_sha256, baseline_sha256=baseline.sha256)
        super().__init__(baseline, sam, variants, 1.0, 0.0, class_names, background, ignore_index, RowNeeds(gate))
        learned = next((variant for variant in self.evaluation.variants if variant.learned), None)
        if learned is None:
            raise InputError("no row of model.variants has the word learned, so there is no gate to train")
        if learned.selector.needs_truth:
            raise InputError(f"variant {learned.name!r} knows the ground truth; a gate learns nothing from its masks")
        if not penalty > 0:
            raise InputError(f"model.penalty is {penalty}; it is above 0")
        self.variant, self.penalty = learned, penalty
        self.cache_dir, self.cache_max_gb = cache_dir, cache_max_gb
        self.gate = gate
        gate.variant = learned.name
        gate.requires_grad_(True)

    def look(self, sample: Sample) -> Tensor:
        """Return an image's examples, float32 ``[regions, F + 3]``: features, both IoUs, importance's other factor."""
        target = self.target(sample)
        predictor = self.evaluation.predictor
        context = predictor.set_image(sample.image, name=sample.id, origin=sample.origin)
        if not context.regions(self.variant.finder):
            return torch.zeros(0, len(FEATURES) + 3)
        found: list[Tensor] = []
        observe = {self.variant.name: lambda decision: found.append(self._example(decision, context.grid, target))}
        predictor.refine(context, [self.variant], observe)
        return torch.stack(found).cpu()

    def _example(self, decision: Decision, grid: Grid, target: Tensor) -> Tensor:
        region = decision.region
        truth, known = true_mask(region, target, self.ignore_index)
        both = torch.stack([decision.kept.whole(*target.shape)[0], region.mask]) & known
        ious = (both & truth).sum((1, 2)) / (both | truth).sum((1, 2)).clamp(min=1)
        size = ious.new_full((1,), region.area**0.5)
        return torch.cat([features(decision, grid), ious, size])

    def fit_to_examples(self) -> Tensor:
        """Fit the gate, and return the loss, float32 scalar."""
        examples = self._table()[:, 2:]
        x, (sam_iou, region_iou, size) = examples[:, : len(FEATURES)], examples[:, len(FEATURES) :].T
        importance = (sam_iou - region_iou).abs() * size
        if not importance.any():
            # Nothing to learn: the baseline has no region, or SAM gives each of them back.
            return torch.zeros((), device=self.device)
        found = fit_logistic(x, sam_iou > region_iou, importance, self.penalty)
        with torch.no_grad():
            for name in _OWN:
                getattr(self.gate, name).copy_(getattr(found, name))
        return found.loss.float().to(self.device)

    def _table(self) -> Tensor:
        """Return all examples, float32 ``[N, 2 + F + 3]``: position and view come first, by which they are ordered."""
        rows = [
            torch.cat([own.new_tensor(key).expand(len(own), 2), own], 1) for key, own in sorted(self.examples.items())
        ]
        return torch.cat(rows) if rows else torch.zeros(0, 2 + len(FEATURES) + 3)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The gate, and the examples it was fitted to."""
        return {name: getattr(self.gate, name).detach() for name in _OWN} | {"examples": self._table()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take both.

        Raises:
            InputError: The checkpoint is of something else.
        """
        examples = state_dict.get("examples")
        width = 2 + len(FEATURES) + 3
        if state_dict.keys() != {*_OWN, "examples"} or examples is None or examples.shape[1:] != (width,):
            raise InputError("the checkpoint is of another model, or of another version's gate; train it again")
        self.gate.load_state_dict({name: state_dict[name] for name in _OWN})
        keys = [(int(position), int(view)) for position, view in examples[:, :2].tolist()]
        for key, rows in groupby(range(len(keys)), keys.__getitem__):
            self.examples[key] = examples[list(rows), 2:].cpu()
        return LightningModule.load_state_dict(self, {}, strict=False)

    def write(self, folder: Path, trained_on: TrainedOn) -> Path:
        """Write ``gate.json``."""
        self.gate.trained_on = trained_on
        path = folder / GATE
        self.gate.write(path)
        return path
