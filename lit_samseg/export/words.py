"""The words of ``lit-samseg export``; plain text, so that help is there at once."""

import argparse
from collections.abc import Sequence

from lit_samseg.export import OPSET, TOLERANCE
from lit_samseg.runtime.plain_words import add_sam, path_of, plain_parser

DESCRIPTION = """\
Write a SAM's encoder and decoder as ONNX graphs, for other programs and for this one.

  lit-samseg export --sam mobile_sam --onnx DIR
  lit-samseg refine PICTURES MASKS --out OUT --sam DIR
"""

EPILOG = f"""\
In DIR: encoder.onnx (a picture's embedding), decoder.onnx (any number of points, boxes and masks, the single mask and
the candidates) and sam.json (sizes, normalisation, what is padded), as docs/export.md describes them. Operators are of
opset {OPSET}, numbers are float32. onnxruntime's answers are compared with torch's; if they differ by more than
{TOLERANCE:g}, nothing is written. Needs the extra onnx: pip install 'lit_samseg[onnx]'.
"""


def check_words(words: Sequence[str]) -> None:
    """Answer a request for help, or wrong words.

    Raises:
        SystemExit: That was done.
    """
    make_parser().parse_args(list(words))


def make_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = plain_parser("lit-samseg export", DESCRIPTION, EPILOG)
    parser.add_argument(
        "--onnx", type=path_of, required=True, metavar="DIR", help="the folder of what is written; it is made"
    )
    add_sam(parser)
    parser.add_argument("--adapter", default=None, metavar="FILE", help="what lit-samseg fit made of SAM's decoder")
    return parser
