"""The experiment: encode an image once, run every variant on it, count pixels."""

import sys
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lit_samseg.analysis import Analysis, ImageAnalysis
from lit_samseg.baselines import Baseline, look_for_files
from lit_samseg.cache import StoredType, cache_concepts, cache_networks
from lit_samseg.concepts import ConceptSegmenter
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.counting import Counting
from lit_samseg.evaluation.held_out import check_held_out, digests_of, trainings
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.evaluation.row_needs import RowNeeds, word_source
from lit_samseg.evaluation.scalar_names import scalar_name
from lit_samseg.evaluation.scoring import Scoring
from lit_samseg.metrics import find_metrics
from lit_samseg.refine import (
    PAPER_VARIANTS,
    AskedPrompts,
    ImageContext,
    RowText,
    parse_variants,
)
from lit_samseg.runtime.allocation import keep_freed_memory
from lit_samseg.runtime.declared import check_declared
from lit_samseg.runtime.fp32_module import Fp32Module
from lit_samseg.runtime.timing import StageTimer
from lit_samseg.sam import PromptableSegmenter

_ANALYSED = "refine_and_analyse"


class SamSegEvaluation(Fp32Module):
    """Score a frozen baseline and its SAM-refined variants (Qamar et al., 2023, Algorithm 1).

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        variants: Rows of the results beside the baseline: ``RECIPE`` or ``RECIPE@WORD/...`` (docs/recipes.md), or
            ``{NAME: TEXT}``, or ``{NAME: {row: TEXT, WORD: {OPTION: VALUE}}}`` with other options of a row's parts.
        save_predictions: Write every row's label maps as PNG under ``output_dir/predictions``.
        save_scores: Write the baseline's class scores as ``output_dir/scores/ID.npz`` (docs/scores.md).
        save_scores_dtype: ``fp16`` rounds them, which leaves every label where it was; ``fp32`` keeps every bit.
        analysis: In ``test``, also find where each row's difference comes from: a ladder of steps with one thing made
            perfect by the ground truth, and what became of each region. Costs about as much again as the rows; of rows
            that paint no masks, and of the baseline, it asks SAM nothing and costs little.
        cache_dir: Keep embeddings and label maps in this folder, which runs may share, also at the same time. A run
            finds what another left of the same pixels, weights, settings, precision, kind of device and library
            versions, and then uses neither encoder nor baseline. None keeps nothing.
        cache_dtype: ``fp32`` keeps embeddings exactly; ``fp16`` rounds them, which halves the folder and changes
            scores slightly.
        cache_max_gb: Size of the folder in GB (1e9 bytes); what was used longest ago goes first.
        gate: ``gate.json`` of ``lit-samseg fit``, for rows with ``learned``.
        memory: ``memory.safetensors`` of ``lit-samseg fit``, for rows with ``memory``.
        concepts: A segmenter that is prompted by words, for rows with ``text``, ``add``, ``remove``, ``textonly`` or
            ``textmask`` (docs/words_as_prompts.md).
        ontology: Phrases of each class: a name or a file, see ``lit-samseg classes``. None takes the shipped ones of
            the data set's classes, or else the classes' names.
        candidates: Ask about this many classes of an image at most, those that the baseline's scores find likeliest.
        text: ``text.safetensors`` of ``lit-samseg fit``, which says what answers to phrases are worth.
        metrics: Metrics beside those of pixels and borders: ``specks``, the word of an installed package's, or the path
            of a class, ``package.module:Name``.
        class_names: The data set's; linked on the command line, as are the next two.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Attributes:
        needs: What rows need beside the networks.
        scoring: What was counted.
        counting: Counts images beside the computation.

    Raises:
        InputError: A variant cannot be parsed, the baseline's classes are not the data set's, void is one of them, an
            option of the cache cannot be used, the gate is none, or a metric
            cannot be used.
    """

    def __init__(
        self,
        baseline: Baseline,
        sam: PromptableSegmenter,
        variants: list[RowText] = list(PAPER_VARIANTS),  # noqa: B006 (jsonargparse shows it in --help; never changed)
        save_predictions: bool = False,
        save_scores: bool = False,
        save_scores_dtype: StoredType = "fp16",
        analysis: bool = True,
        cache_dir: str | None = None,
        cache_dtype: StoredType = "fp32",
        cache_max_gb: float = 20.0,
        gate: str | None = None,
        memory: str | None = None,
        concepts: ConceptSegmenter | None = None,
        ontology: str | None = None,
        candidates: int | None = None,
        text: str | None = None,
        metrics: list[str] = [],  # noqa: B006 (as above)
        class_names: tuple[str, ...] = (),
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        check_declared(baseline, Baseline, "baseline")
        check_declared(sam, PromptableSegmenter, "sam")
        baseline.check_classes(class_names)
        if 0 <= ignore_index < len(class_names):
            raise InputError(f"ignore_index is {ignore_index}, a class of {len(class_names)}; give 65535, or another")
        scored = type(baseline).predict is not Baseline.predict
        if candidates is not None and not scored:
            rank_zero_warn(f"baseline {baseline.checkpoint} has no class scores: candidates are all classes")
        if save_scores and not scored:
            raise InputError(f"baseline {baseline.checkpoint} has no class scores; leave out --model.save_scores")
        if cache_dir is not None:
            baseline, sam = cache_networks(baseline, sam, cache_dir, cache_dtype, cache_max_gb)
            concepts = cache_concepts(concepts, cache_dir, cache_dtype, cache_max_gb) if concepts else None
        self.baseline, self.sam = baseline, sam
        self.variants = parse_variants(variants or [], background is not None, sam.has_pixel_features)
        self.rows = ["baseline", *(variant.name for variant in self.variants)]
        words = word_source(concepts, ontology, candidates, class_names, background)
        self.needs = RowNeeds.read(gate, memory, words, text)
        self.save_predictions = save_predictions
        self.save_scores, self.save_scores_dtype = save_scores, save_scores_dtype
        self.class_names, self.background, self.ignore_index = class_names, background, ignore_index
        self.analysis = Analysis(self.variants, len(class_names), background, ignore_index) if analysis else None
        others = find_metrics(metrics or [], len(class_names))
        self.scoring = Scoring(self.rows, len(class_names), ignore_index, self.analysis, others)
        self.timer = StageTimer()
        self.counting = Counting(self.scoring, self.timer)
        self.predictor = Predictor(sam, baseline, background, len(class_names), ignore_index, timer=self.timer)
        self.predictor.give(self.needs)

    def setup(self, stage: str) -> None:
        """Before anything is computed, refuse images that something was trained on, or that have no label map."""
        self.check_needs()
        if self.trainer.is_global_zero:
            for note in (note for variant in self.variants for note in variant.notes):
                print(f"lit-samseg: {note}", file=sys.stderr)
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        look_for_files(self.baseline, data, announce=self.trainer.is_global_zero)
        # A CPU that computes has no core to spare for it.
        data.prepare = self.sam.resizer() if self.trainer.strategy.root_device.type == "cuda" else None
        if stage != "test":
            return
        found = trainings(self.baseline, self.sam, self.needs)
        if found:
            check_held_out(data, digests_of(self.trainer, data), found, self.trainer.is_global_zero)

    def check_needs(self) -> None:
        """See that there is what rows need, and that it is at home.

        Raises:
            InputError: Something is missing, or of other classes or another network.
        """
        self.sam.check_classes(self.class_names)
        self.needs.check(self.variants, self.sam, self.baseline, self.class_names)

    def on_test_start(self) -> None:
        """See to the arithmetic, have memory reused, and be ready to gather even if this process gets no image."""
        self.check_arithmetic("the baseline", "bf16 or fp16")
        keep_freed_memory()
        self.counting.begin(self.device)

    def on_predict_start(self) -> None:
        """See to the arithmetic, and have memory reused."""
        self.check_arithmetic("the baseline", "bf16 or fp16")
        keep_freed_memory()

    def test_step(self, batch: list[Sample], batch_idx: int) -> list[LabelMaps]:  # type: ignore[override]
        """Refine and count every image of the batch."""
        return self.evaluate(batch)

    def evaluate(self, batch: Sequence[Sample]) -> list[LabelMaps]:
        """Refine and count every image of a batch."""
        results = self.label_maps(batch, self.analysis)
        for sample, maps in zip(batch, results, strict=True):
            self.counting.submit(sample, maps)
        return results

    def predict_step(self, batch: list[Sample], batch_idx: int) -> list[LabelMaps]:
        """Refine every image of the batch; no ground truth is needed, except by an oracle."""
        truths = [v.name for v in self.variants if v.selector.needs_truth]
        if self.needs.concepts is not None and self.needs.concepts.needs_truth:
            truths += [v.name for v in self.variants if v.needs_words]
        if truths:
            raise InputError(f"variant {truths[0]!r} needs the ground truth, which predict has not; use test")
        return self.label_maps(batch)

    @torch.inference_mode()
    def label_maps(self, samples: Sequence[Sample], analysis: Analysis | None = None) -> list[LabelMaps]:
        """Return each image's label map by the baseline and by each variant; ``analysis`` takes down what it can."""
        contexts = self.predictor.set_images(samples, self.variants, analysis is not None, self.save_scores)
        analysed = analysis is not None and bool(analysis.rows)
        self.predictor.ask_ahead(contexts, self.variants, _ANALYSED if analysed else "refine")
        results = []
        for sample, context in zip(samples, contexts, strict=True):
            asked = AskedPrompts(self.variants)
            try:
                refined, found = self._refine(sample, context, asked, analysis)
            except InputError as error:
                raise InputError(f"image {sample.id}: {error}") from error
            rows = {"baseline": context.label_map} | refined
            results.append(
                LabelMaps(
                    sample.id,
                    rows,
                    asked.rows,
                    found,
                    entropy=context.entropy,
                    scores=context.logits,
                    likeliest=context.likeliest,
                )
            )
        return results

    def _refine(
        self, sample: Sample, context: ImageContext, asked: AskedPrompts, analysis: Analysis | None
    ) -> tuple[dict[str, Tensor], ImageAnalysis | None]:
        if analysis is None or not analysis.rows or context.target is None:
            return self.predictor.refine(context, self.variants, asked.observers()), None
        with self.timer.stage(_ANALYSED, self.device):
            return analysis.refine(context, sample.position, asked.observers())

    def on_test_epoch_end(self) -> None:
        """Compare the counts with torchmetrics, and log each row's scores."""
        self.counting.finish()
        self.scoring.check()
        for row, scores in self.scoring.logged().items():
            values = {f"{scalar_name(row)}/{name}": value for name, value in scores.items()}
            # Every process has the same gathered values; sync_dist only tells Lightning that this is meant.
            self.log_dict(values, sync_dist=True)

    def on_test_end(self) -> None:
        """Give back what counted."""
        self.counting.cancel()

    def classes(self) -> set[type]:
        """Return the classes whose code decides the numbers, those of all parts."""
        parts = [part for variant in self.variants for part in variant.parts()]
        return set(map(type, [*self.modules(), *self.scoring.others, *parts]))

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Nothing of a frozen baseline or SAM belongs in a checkpoint of the evaluation."""
        return {}

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing is taken from one either: Lightning loads by itself what it finds after a job is queued again."""
        return super().load_state_dict({}, strict=False)
