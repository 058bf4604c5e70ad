"""``lit-samseg refine``: its words."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lit_samseg.errors import InputError
from lit_samseg.formats.creating import CREATE, create_writer
from lit_samseg.formats.interface import MaskOptions, MaskWriter
from lit_samseg.formats.listing import counted
from lit_samseg.formats.recognise import FORMATS
from lit_samseg.journal import FolderLock
from lit_samseg.refine_folder.inputs import Inputs
from lit_samseg.refine_folder.one_picture import Ways
from lit_samseg.refine_folder.run import MASKS, REVIEW, FolderRun
from lit_samseg.refiner import Refiner
from lit_samseg.review.page import PAGE, summary, write_page
from lit_samseg.review.records import TABLE, PictureRecord, write_table
from lit_samseg.runtime.termination import terminable
from lit_samseg.tiling import Tiling

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


def run_refine(words: Sequence[str]) -> None:
    """Refine a folder of masks, or what is left of it.

    Args:
        words: The command line after ``lit-samseg refine``.

    Raises:
        InputError: Something that was given cannot be used.
        SystemExit: The words are wrong, or help was asked for.
    """
    options = _parser().parse_args(list(words))
    out: Path = options.out
    if not options.resume and _is_begun(out):
        raise InputError(f"{out} holds refined masks; go on with them by --resume, or give another --out")
    inputs = Inputs.find(options.images, options.given, _mask_options(options), options.exif)
    for line in inputs.said():
        print(line)
    for warning in inputs.summary.warnings():
        print(f"lit-samseg: warning: {warning}", file=sys.stderr)
    scores = None if options.scores is None else inputs.scores(options.scores)
    ways = Ways(options.careful, Tiling(options.tile))
    writer = _writer(inputs, out / MASKS, options)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made: {error.strerror}") from error
    with terminable("the same command with --resume goes on"), FolderLock(out):
        run = FolderRun(inputs, _refiner(inputs, options), writer, out / REVIEW, scores, ways)
        _publish(run, _refine(run), out, _facts(inputs, options))


def _refiner(inputs: Inputs, options: argparse.Namespace) -> Refiner:
    classes = inputs.masks.classes
    return Refiner.from_pretrained(
        sam=options.sam,
        precision=options.precision,
        variant=options.row,
        device=options.device,
        background=inputs.background,
        ignore_index=len(classes),
        class_names=classes.names,
    )


def _refine(run: FolderRun) -> list[PictureRecord]:
    """Refine what is left; return what is known of all pictures."""
    pictures = run.inputs.pictures
    done = {key: record for key in pictures if (record := run.done(key)) is not None}
    if done:
        print(f"{counted(len(done), 'mask')} of {len(pictures)} refined already")
    with _progress() as progress:
        task = progress.add_task("refining", total=len(pictures), completed=len(done))
        for record in run.run([key for key in pictures if key not in done]):
            done[record.key] = record
            progress.advance(task)
    return [done[key] for key in pictures]


def _publish(run: FolderRun, records: Sequence[PictureRecord], out: Path, facts: Sequence[str]) -> None:
    run.writer.finish()
    names = run.inputs.masks.classes.names
    colours = {name: (int(r), int(g), int(b)) for name, (r, g, b) in zip(names, run.colours, strict=True)}
    write_table(out / TABLE, records)
    write_page(out / PAGE, out / REVIEW, records, colours, facts)
    print(summary(records))
    console = Console()
    for path in (out / MASKS, out / PAGE):
        # soft_wrap: a path is for copying, in one piece.
        console.print(f"Written to {path}", soft_wrap=True, highlight=False, markup=False)


def _is_begun(out: Path) -> bool:
    return any((out / name).exists() for name in (MASKS, REVIEW, PAGE))


def _writer(inputs: Inputs, folder: Path, options: argparse.Namespace) -> MaskWriter:
    if options.format is None:
        return inputs.masks.writer(folder)
    files = {key: f"{key}{path.suffix}" for key, path in inputs.pictures.items()}
    return create_writer(options.format, inputs.masks.classes, folder, files)


def _facts(inputs: Inputs, options: argparse.Namespace) -> list[str]:
    sam = Path(options.sam).name
    return [f"{counted(len(inputs.pictures), 'picture')} · SAM: {sam} · row {options.row}", *inputs.said()]


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True))


def _mask_options(options: argparse.Namespace) -> MaskOptions:
    given = vars(options).items()
    return MaskOptions(**{name.partition(".")[2]: value for name, value in given if name.startswith("masks.")})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "lit-samseg refine",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", type=_path, metavar="PICTURES", help="a folder of pictures, or one picture")
    parser.add_argument("given", type=_path, metavar="MASKS", help="a folder of masks, or one file")
    parser.add_argument("--out", type=_path, required=True, metavar="DIR", help="the folder of what is written")
    parser.add_argument(
        "--resume", action="store_true", help="go on with DIR: masks that are there are not refined again"
    )
    parser.add_argument(
        "--sam",
        default="mobile_sam",
        metavar="SAM",
        help="a known name (mobile_sam, vit_b, vit_l, vit_h, ...: downloaded once), a checkpoint file, or a folder or "
        "hub id in the layout of transformers (mobile_sam)",
    )
    parser.add_argument(
        "--format",
        default=None,
        metavar="FORMAT",
        help=f"write masks as {', '.join(CREATE)} (that of the masks that came)",
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
    parser.add_argument(
        "--device", default=None, metavar="DEVICE", help="cpu, cuda, cuda:1, mps (a GPU if there is one)"
    )
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
    # What is not given has no value, not even None: that is one for --masks.background.
    masks = parser.add_argument_group(
        "what the masks are, where it is not found out", argument_default=argparse.SUPPRESS
    )
    masks.add_argument("--masks.format", metavar="FORMAT", help=f"{', '.join(one.word for one in FORMATS)} (auto)")
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
        type=_yaml,
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
    return parser


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _tile(text: str) -> int | str | None:
    if text.isdecimal():
        return int(text)
    if text not in ("auto", "none"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto, none nor a number of pixels")
    return None if text == "none" else text


def _yaml(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not YAML") from error
