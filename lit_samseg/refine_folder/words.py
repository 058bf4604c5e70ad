"""The words of ``lit-samseg refine``; plain text, so that help is there at once."""

import argparse
from collections.abc import Sequence

import yaml

from lit_samseg.refine_folder.layout import FORMATS, MASKS, REVIEW
from lit_samseg.review.records import PAGE, TABLE
from lit_samseg.runtime.plain_words import add_sam, path_of, plain_parser

DESCRIPTION = """\
Make coarse masks better: a folder of pictures and one of masks in, masks in the same form out.

  lit-samseg refine PICTURES MASKS --out DIR
"""

EPILOG = f"""\
What the masks are is found out and said before anything is loaded: grey or palette indices, colours, 0 and 255, a file
for each class, objects of COCO, YOLO, LabelMe or CVAT. What may be two things is refused, and the message says which
option decides.

In DIR: {MASKS} (same names, folders, numbers, colours and palette as those that came), {PAGE} (each picture before
and after, what to look at first on top), {TABLE} (the same numbers, of regions too), and {REVIEW} (the page's files).
Nothing that came in is changed. A class stays a class and void stays void.
"""


def check_words(words: Sequence[str]) -> None:
    """Answer a request for help, or wrong words.

    Raises:
        SystemExit: That was done.
    """
    make_parser().parse_args(list(words))


def make_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = plain_parser("lit-samseg refine", DESCRIPTION, EPILOG)
    parser.add_argument("images", type=path_of, metavar="PICTURES", help="a folder of pictures, or one picture")
    parser.add_argument("given", type=path_of, metavar="MASKS", help="a folder of masks, or one file")
    parser.add_argument("--out", type=path_of, required=True, metavar="DIR", help="the folder of what is written")
    parser.add_argument(
        "--resume", action="store_true", help="go on with DIR: masks that are there are not refined again"
    )
    add_sam(parser)
    parser.add_argument(
        "--format",
        default=None,
        metavar="FORMAT",
        help=f"write masks as {', '.join(FORMATS)} (that of the masks that came)",
    )
    parser.add_argument(
        "--scores",
        default=None,
        metavar="DIR",
        help="a network's class scores, with which masks become better: PICTURE.npz or .npy, [classes, height, width] "
        "of any size",
    )
    parser.add_argument(
        "--row", default="auto", metavar="ROW", help="how masks are refined, see docs/recipes.md (auto)"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="SAM's arithmetic (fp32)")
    parser.add_argument("--device", default=None, metavar="DEVICE", help="cpu, cuda, cuda:1 (a GPU if there is one)")
    parser.add_argument(
        "--tile",
        type=_tile,
        default="auto",
        metavar="PIXELS",
        help="side of the tiles of large pictures; auto: SAM's own, of pictures twice as large; none: no tiles (auto)",
    )
    parser.add_argument(
        "--careful",
        action="store_true",
        help="a class keeps its pixels if refinement would leave little of it and is not sure; right about half the "
        "time, see docs/refinement.md",
    )
    parser.add_argument(
        "--exif",
        choices=("upright", "ignore"),
        default="upright",
        help="how pictures are read that a camera turned: as EXIF says, or as their pixels lie (upright)",
    )
    _add_rasters(parser)
    _add_masks(parser)
    return parser


def _add_rasters(parser: argparse.ArgumentParser) -> None:
    rasters = parser.add_argument_group("rasters")
    rasters.add_argument(
        "--rasters",
        action="store_true",
        help="read and write in windows, by rasterio (lit_samseg[geo]): larger than memory, more than three bands, 16 "
        "bits; masks are one band of class numbers; there is no review",
    )
    rasters.add_argument(
        "--bands",
        nargs=3,
        type=int,
        default=None,
        metavar="N",
        help="red, green and blue, from 1 (as the file says)",
    )
    rasters.add_argument(
        "--range",
        nargs="+",
        type=_number_or_word,
        default=["auto"],
        metavar="VALUE",
        help="what becomes black and white: percentile, dtype, or two numbers (8 bits as they are, else percentile)",
    )


def _add_masks(parser: argparse.ArgumentParser) -> None:
    # What is not given has no value, not even None: that is one for --masks.background.
    masks = parser.add_argument_group(
        "what the masks are, where it is not found out", argument_default=argparse.SUPPRESS
    )
    masks.add_argument("--masks.format", metavar="FORMAT", help=f"{', '.join(FORMATS)} (auto)")
    masks.add_argument(
        "--masks.classes", type=_yaml, metavar="CLASSES", help="how many, a list of names, or a file of names"
    )
    masks.add_argument(
        "--masks.colours",
        metavar="COLOURS",
        help="of colour masks: voc, cityscapes, camvid, ade20k, or a file of colours and names; found: what occurs",
    )
    masks.add_argument(
        "--masks.void",
        metavar="VALUE",
        help="the number, or colour R,G,B, of pixels without a class; none: there is none",
    )
    masks.add_argument(
        "--masks.background",
        type=_class,
        metavar="CLASS",
        help="the class, by id or name, that is never asked about and fills what no mask claims; null: none",
    )
    masks.add_argument(
        "--masks.mapping",
        type=_yaml,
        metavar="MAPPING",
        help="numbers to change before all else, '{7: 0, 8: 1}', or a CSV file of two columns",
    )
    masks.add_argument(
        "--masks.suffix", metavar="SUFFIX", help="how mask files end behind the picture's name, as _labelIds.png"
    )
    masks.add_argument("--masks.pairs", metavar="FILE", help="a CSV file: picture,mask")


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _tile(text: str) -> int | str | None:
    if text.isdecimal():
        return int(text)
    if text not in ("auto", "none"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto, none nor a number of pixels")
    return None if text == "none" else text


def _class(text: str) -> str | None:
    return None if text == "null" else text


def _yaml(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not YAML") from error
