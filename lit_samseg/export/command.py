"""``lit-samseg export``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.export.folder import OPSET, export_onnx
from lit_samseg.export.parity import TOLERANCE
from lit_samseg.sam import PromptableSegmenter, SegmentAnything, load_promptable_segmenter
from lit_samseg.sam.onnx_folder import DECODER, DESCRIPTION, ENCODER

DESCRIPTION_TEXT = """\
Write a SAM's encoder and decoder as ONNX graphs, for other programs and for this one.

  lit-samseg export --sam mobile_sam --onnx DIR
  lit-samseg refine PICTURES MASKS --out OUT --sam DIR
"""

EPILOG = f"""\
In DIR: {ENCODER} (a picture's embedding), {DECODER} (any number of points, boxes and masks, the single mask and the
candidates) and {DESCRIPTION} (sizes, normalisation, what is padded), as docs/export.md describes them. Operators are of
opset {OPSET}, numbers are float32. onnxruntime's answers are compared with torch's; if they differ by more than
{TOLERANCE:g}, nothing is written. Needs the extra onnx: pip install 'lit_samseg[onnx]'.
"""


def run_export(words: Sequence[str]) -> None:
    """Export a SAM.

    Args:
        words: The command line after ``lit-samseg export``.

    Raises:
        InputError: The SAM cannot be read or exported, or computes something else afterwards.
        SystemExit: The words are wrong, or help was asked for.
    """
    options = _make_parser().parse_args(list(words))
    folder: Path = options.onnx.expanduser()
    parity = export_onnx(_load(options.sam, options.adapter), folder)
    sizes = {path.name: f"{path.stat().st_size / 1e6:.1f} MB" for path in sorted(folder.iterdir())}
    print(f"onnxruntime and torch differ by at most (limit {TOLERANCE:g}; {parity.prompts} prompts):")
    print(f"  embedding {parity.embedding:.1e}, logits {parity.logits:.1e}, scores {parity.scores:.1e}")
    print(f"Written to {folder} (opset {OPSET}): {', '.join(f'{name} {size}' for name, size in sizes.items())}")


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "lit-samseg export",
        description=DESCRIPTION_TEXT,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--onnx", type=Path, required=True, metavar="DIR", help="the folder of what is written; it is made"
    )
    parser.add_argument(
        "--sam",
        default="mobile_sam",
        metavar="SAM",
        help="a known name (mobile_sam, vit_b, vit_l, vit_h: downloaded once; demo), a checkpoint file, or a folder or "
        "hub id in the layout of transformers (mobile_sam)",
    )
    parser.add_argument("--adapter", default=None, metavar="FILE", help="what lit-samseg fit made of SAM's decoder")
    return parser


def _load(checkpoint: str, adapter: str | None) -> PromptableSegmenter:
    sam = load_promptable_segmenter(checkpoint)
    if adapter is None:
        return sam
    if not isinstance(sam, SegmentAnything):
        raise InputError(f"--adapter {adapter} is for a SAM of segment-anything, which {checkpoint} is not")
    return SegmentAnything(checkpoint, adapter=adapter)
