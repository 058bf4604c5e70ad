"""What words are worth: a text-prompted segmenter's answers are compared with the ground truth of training images."""

from pathlib import Path

import torch

from lit_samseg.baselines import Baseline
from lit_samseg.cache import cache_concepts
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.concepts import ConceptSegmenter
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.row_needs import RowNeeds, word_source
from lit_samseg.finetune.fitted import FittedNetwork
from lit_samseg.finetune.word_examples import WordExample, take_example
from lit_samseg.finetune.word_fit import fit_words
from lit_samseg.refine import CalibratedWords, RowText
from lit_samseg.refine.word_file import NAME, digest_of, write_calibration
from lit_samseg.sam import PromptableSegmenter


class TextCalibration(FittedNetwork[WordExample]):
    """Find out what a text-prompted segmenter's answers are worth, for rows with ``text``, ``add`` or ``remove``.

    Networks stay as they are. For each class it is counted how evidence is spread inside and outside of its places;
    isotonic regression makes likelihood ratios of that. How far they are believed beside the baseline, when a class is
    absent and when an object was missed is fitted to images whose own counts were left out. One epoch without views is
    enough.

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        concepts: The text-prompted segmenter.
        variants: Rows to validate with; one asks by words.
        ontology: Phrases of each class: a name or a file, see ``lit-samseg classes``.
        candidates: Ask about this many classes of an image at most, as in the test.
        folds: Parts that training images are cut into, in their order.
        seed: Of what is drawn.
        cache_dir: Keep embeddings and answers in this folder, for other runs too. None keeps embeddings for the run.
        cache_max_gb: Size of that folder in GB.
        class_names: The data set's; linked on the command line, as are the next two.
        background: Class that is never prompted, or None.
        ignore_index: Void label of the ground truth.

    Raises:
        InputError: An option is out of range, phrases cannot be used, or no row asks by words.
    """

    outcome = "calibration"
    leaves = NAME

    def __init__(
        self,
        baseline: Baseline,
        sam: PromptableSegmenter,
        concepts: ConceptSegmenter,
        variants: list[RowText] = ["none@text"],  # noqa: B006 (jsonargparse shows it in --help; never changed)
        ontology: str | None = None,
        candidates: int | None = None,
        folds: int = 4,
        seed: int = 0,
        cache_dir: str | None = None,
        cache_max_gb: float = 20.0,
        class_names: tuple[str, ...] = (),
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        if folds < 2:
            raise InputError(f"model.folds is {folds}; give 2 or more")
        if cache_dir is not None:
            concepts = cache_concepts(concepts, cache_dir, max_gb=cache_max_gb)
        source = word_source(concepts, ontology, candidates, class_names, background)
        assert source is not None, "somebody is asked"
        words = CalibratedWords(class_names, digest_of(concepts.identity), source.asked, baseline.sha256)
        words.weight.requires_grad_(True)
        needs = RowNeeds(words=source, calibration=words)
        super().__init__(*(baseline, sam, variants, 1.0, 0.0, class_names, background, ignore_index), needs=needs)
        if not any(variant.needs_words for variant in self.evaluation.variants):
            raise InputError("no row of model.variants asks by words (text, add, remove), so nothing is to calibrate")
        self.words, self.source, self.folds, self.seed = words, source, folds, seed
        self.cache_dir, self.cache_max_gb = cache_dir, cache_max_gb

    @property
    def fitted(self) -> CalibratedWords:
        """The calibration."""
        return self.words

    def look(self, sample: Sample) -> WordExample:
        """Ask about a training image."""
        target = self.target(sample)
        context = self.evaluation.predictor.set_image(sample.image, name=sample.id, origin=sample.origin)
        told = self.source.ask(sample.image, context.grid, target)
        return take_example(context.grid, told, target, self.ignore_index)

    @torch.inference_mode(False)
    def fit_to_examples(self) -> float:
        """Fit the calibration, and return the loss."""
        device = self.words.ratios.device
        words = self.words.cpu()
        with torch.no_grad():
            loss = fit_words(words, [self.examples[key] for key in sorted(self.examples)], self.folds, self.seed)
        words.to(device)
        return loss

    def write(self, folder: Path, trained_on: TrainedOn) -> Path:
        """Write ``text.safetensors``."""
        self.words.trained_on = trained_on
        path = folder / NAME
        write_calibration(self.words, path)
        return path
