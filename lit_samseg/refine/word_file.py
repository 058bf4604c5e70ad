"""The file of calibrated words: safetensors, with what it belongs to."""

import hashlib
import json
from pathlib import Path

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.checkpoints.weights import read_safetensors_metadata, read_state_dict, sha256_of_file
from lit_samseg.checkpoints.writing import write_safetensors
from lit_samseg.errors import InputError
from lit_samseg.refine.calibrated_words import CalibratedWords
from lit_samseg.refine.told import WordSource

FORMAT = "lit_samseg.text"
NAME = "text.safetensors"


def write_calibration(calibrated: CalibratedWords, path: Path) -> None:
    """Write a calibration and the images that it was fitted on."""
    facts = {
        "format": FORMAT,
        "class_names": json.dumps(list(calibrated.class_names)),
        "concepts": json.dumps(calibrated.concepts),
        "phrases": json.dumps(calibrated.phrases),
        "baseline_sha256": json.dumps(calibrated.baseline_sha256),
        "trained_on": json.dumps(calibrated.trained_on.listed()),
    }
    write_safetensors(calibrated.state_dict(), path, facts)


def read_calibration(path: Path) -> CalibratedWords:
    """Read ``text.safetensors``; nothing in it is run.

    Raises:
        InputError: There is no such file, or it is no calibration.
    """
    try:
        state = read_state_dict(path)
    except InputError as error:
        if not path.is_file():
            raise
        # Nobody can download it again.
        raise InputError(f"{path} is no calibration of words, or cut off; fit it again with lit-samseg fit") from error
    try:
        facts = read_safetensors_metadata(path)
        if facts.get("format") != FORMAT:
            raise ValueError
        names, concepts, phrases, baseline, images = (
            json.loads(facts[name]) for name in ("class_names", "concepts", "phrases", "baseline_sha256", "trained_on")
        )
        texts = [phrases, concepts or "", baseline or ""]
        if not isinstance(names, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError
        found = CalibratedWords(
            tuple(map(str, names)), concepts, phrases, baseline, TrainedOn.read(images), sha256_of_file(path)
        )
        found.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is no calibration of words; give the {NAME} that lit-samseg fit wrote") from error
    if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
        raise InputError(f"calibration {path} is damaged; fit it again with lit-samseg fit")
    return found.eval().requires_grad_(requires_grad=False)


def check_calibration(
    calibrated: CalibratedWords, path: str, class_names: tuple[str, ...] | None, words: WordSource
) -> None:
    """See that a calibration is at home with a data set's classes, a text-prompted segmenter and its phrases.

    Args:
        calibrated: The calibration.
        path: Where it came from.
        class_names: The data set's; None where they are not known.
        words: What is asked, and who answers.

    Raises:
        InputError: It is of other classes, another segmenter or other phrases.
    """
    if class_names is not None and calibrated.class_names != class_names:
        raise InputError(
            f"calibration {path} is of {len(calibrated.class_names)} classes "
            f"({', '.join(calibrated.class_names[:3])}, ...), not the data set's {len(class_names)} "
            f"({', '.join(class_names[:3])}, ...); fit one on images of this data set"
        )
    if calibrated.concepts != digest_of(words.segmenter.identity):
        raise InputError(
            f"calibration {path} is of another text-prompted segmenter than {words.segmenter.checkpoint}, or of other "
            "options of it; give that one, or fit a calibration with this one"
        )
    if calibrated.phrases != words.asked:
        raise InputError(
            f"calibration {path} is of other phrases or candidates; give those, or fit a calibration with these"
        )


def digest_of(identity: str | None) -> str | None:
    """Return the SHA-256 of an identity; None of none."""
    return None if identity is None else hashlib.sha256(identity.encode()).hexdigest()
