"""What rows need beside a baseline and SAM: a gate, a memory, words. Who asks for a row has to give it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn
from torch import nn

from lit_samseg.baselines import Baseline
from lit_samseg.checkpoints.trained_on import Trained
from lit_samseg.concepts import ConceptSegmenter, read_ontology
from lit_samseg.errors import InputError
from lit_samseg.refine import (
    CalibratedWords,
    FeatureMemory,
    LearnedGate,
    Variant,
    WordSource,
    check_calibration,
    check_memory,
    read_calibration,
    read_gate,
    read_memory,
)
from lit_samseg.runtime.declared import check_declared
from lit_samseg.sam import PromptableSegmenter


class RowNeeds(nn.Module):
    """What rows need beside the two networks; all of it may be missing.

    Attributes:
        gate: Decides for rows with ``learned``.
        gate_file: Where it came from.
        memory: Knows classes by SAM's features, for rows with ``memory``.
        memory_file: Where it came from.
        concepts: The text-prompted segmenter, for rows with words.
        words: What it is asked.
        calibration: What its answers are worth.
        calibration_file: Where that came from.
    """

    def __init__(
        self,
        gate: LearnedGate | None = None,
        memory: FeatureMemory | None = None,
        words: WordSource | None = None,
        calibration: CalibratedWords | None = None,
    ) -> None:
        super().__init__()
        self.gate, self.memory, self.words, self.calibration = gate, memory, words, calibration
        self.concepts = None if words is None else words.segmenter
        self.gate_file: str | None = None
        self.memory_file: str | None = None
        self.calibration_file: str | None = None

    @classmethod
    def read(
        cls, gate: str | None, memory: str | None, words: WordSource | None = None, calibration: str | None = None
    ) -> "RowNeeds":
        """Read what was fitted.

        Args:
            gate: ``gate.json``, or None.
            memory: ``memory.safetensors``, or None.
            words: What a text-prompted segmenter is asked, or None.
            calibration: ``text.safetensors``, or None.

        Raises:
            InputError: A file cannot be used.
        """
        needs = cls(
            None if gate is None else read_gate(Path(gate).expanduser()),
            None if memory is None else read_memory(Path(memory).expanduser()),
            words,
            None if calibration is None else read_calibration(Path(calibration).expanduser()),
        )
        needs.gate_file, needs.memory_file, needs.calibration_file = gate, memory, calibration
        return needs

    def check(
        self,
        variants: Sequence[Variant],
        sam: PromptableSegmenter,
        baseline: Baseline,
        class_names: tuple[str, ...],
    ) -> None:
        """See that there is what rows need, and that it is at home.

        Raises:
            InputError: Something is missing, or of other classes or another network.
        """
        learned = [variant.name for variant in variants if variant.learned]
        if learned and self.gate is None:
            raise InputError(_missing(learned[0], "a learned gate", "gate"))
        if learned and self.gate is not None:
            foreign = self.gate.foreign(learned, sam.tuned_sha256, baseline.sha256)
            if foreign:
                rank_zero_warn(f"gate {self.gate_file} was not trained for this: {', '.join(foreign)}")
        remembering = [variant.name for variant in variants if variant.remembers]
        if remembering and self.memory is None:
            raise InputError(_missing(remembering[0], "a memory", "memory"))
        if remembering and self.memory is not None:
            check_memory(self.memory, str(self.memory_file), class_names, sam.features_sha256)
        worded = [variant.name for variant in variants if variant.needs_words]
        if worded and self.words is None:
            raise InputError(
                f"variant {worded[0]!r} asks by words; give --model.concepts NAME, a text-prompted segmenter such as "
                "facebook/sam3 (docs/words_as_prompts.md)"
            )
        if worded and self.calibration is not None and self.words is not None:
            check_calibration(self.calibration, str(self.calibration_file), class_names, self.words)
            if self.calibration.baseline_sha256 != baseline.sha256:
                rank_zero_warn(f"calibration {self.calibration_file} was fitted beside another baseline")

    def trained(self) -> Iterator[tuple[Trained, str]]:
        """Yield what was fitted, with its file."""
        files = (self.gate_file, self.memory_file, self.calibration_file)
        for found, file in zip((self.gate, self.memory, self.calibration), files, strict=True):
            if found is not None:
                yield found, str(file)


def word_source(
    concepts: ConceptSegmenter | None,
    ontology: str | None,
    candidates: int | None,
    class_names: tuple[str, ...],
    background: int | None,
) -> WordSource | None:
    """Return what is asked by words.

    Args:
        concepts: Answers; None where nobody is asked.
        ontology: Name or file of the phrases; None takes those that fit the classes.
        candidates: At most so many classes of an image, or None.
        class_names: The data set's.
        background: Class that is never asked for, or None.

    Raises:
        InputError: Phrases are missing or cannot be used, or there are options and nobody is asked.
    """
    if concepts is None:
        for name, given in (("ontology", ontology), ("candidates", candidates)):
            if given is not None:
                raise InputError(f"--model.{name} is for words, and nobody is asked; give --model.concepts NAME")
        return None
    check_declared(concepts, ConceptSegmenter, "concepts")
    return WordSource(concepts, read_ontology(ontology, class_names, background), candidates)


def _missing(row: str, what: str, option: str) -> str:
    return f"variant {row!r} needs {what}; give --model.{option} FILE, which lit-samseg fit writes"
