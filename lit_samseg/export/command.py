"""``lit-samseg export``."""

from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.export import OPSET, TOLERANCE
from lit_samseg.export.folder import export_onnx
from lit_samseg.export.words import make_parser
from lit_samseg.sam import HubSam, PromptableSegmenter, SegmentAnything, load_promptable_segmenter


def run_export(words: Sequence[str]) -> None:
    """Export a SAM.

    Args:
        words: The command line after ``lit-samseg export``.

    Raises:
        InputError: The SAM cannot be read or exported, or computes something else afterwards.
        SystemExit: The words are wrong, or help was asked for.
    """
    options = make_parser().parse_args(list(words))
    folder: Path = options.onnx.expanduser()
    parity = export_onnx(_load(options.sam, options.adapter), folder)
    sizes = {path.name: f"{path.stat().st_size / 1e6:.1f} MB" for path in sorted(folder.iterdir())}
    print(f"onnxruntime and torch differ by at most (limit {TOLERANCE:g}; {parity.prompts} prompts):")
    print(f"  embedding {parity.embedding:.1e}, logits {parity.logits:.1e}, scores {parity.scores:.1e}")
    print(f"Written to {folder} (opset {OPSET}): {', '.join(f'{name} {size}' for name, size in sizes.items())}")


def _load(checkpoint: str, adapter: str | None) -> PromptableSegmenter:
    sam = load_promptable_segmenter(checkpoint)
    if adapter is None:
        return sam
    if not isinstance(sam, SegmentAnything | HubSam):
        raise InputError(f"--adapter {adapter} is for a SAM that can be trained, which {checkpoint} is not")
    return type(sam)(checkpoint, adapter=adapter)
