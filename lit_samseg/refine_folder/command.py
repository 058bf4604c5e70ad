"""``lit-samseg refine``."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lit_samseg.errors import InputError
from lit_samseg.formats.creating import create_writer
from lit_samseg.formats.interface import MaskWriter
from lit_samseg.formats.listing import counted
from lit_samseg.journal import FolderLock
from lit_samseg.refine_folder.begun import check_the_same, options_that_count, take_down
from lit_samseg.refine_folder.inputs import Inputs
from lit_samseg.refine_folder.layout import MASKS, REVIEW
from lit_samseg.refine_folder.one_picture import Ways
from lit_samseg.refine_folder.options import mask_options, raster_options
from lit_samseg.refine_folder.rasters import Rasters, background_number, void_number
from lit_samseg.refine_folder.run import FolderRun
from lit_samseg.refine_folder.words import make_parser
from lit_samseg.refiner import Refiner
from lit_samseg.review.page import summary, write_page
from lit_samseg.review.records import PAGE, TABLE, PictureRecord, write_table
from lit_samseg.runtime.termination import terminable
from lit_samseg.tiling import Tiling


def run_refine(words: Sequence[str]) -> None:
    """Refine a folder of masks, or what is left of it.

    Args:
        words: The command line after ``lit-samseg refine``.

    Raises:
        InputError: Something that was given cannot be used.
        SystemExit: The words are wrong, or help was asked for.
    """
    options = make_parser().parse_args(list(words))
    out: Path = options.out
    if not options.resume and _is_begun(out):
        raise InputError(f"{out} holds refined masks; go on with them by --resume, or give another --out")
    how = options_that_count(vars(options))
    check_the_same(out, how, options.device)
    if options.rasters:
        _run_rasters(options, how)
        return
    inputs = Inputs.find(options.images, options.given, mask_options(options), options.exif)
    for line in inputs.said():
        print(line)
    for warning in inputs.summary.warnings():
        print(f"lit-samseg: warning: {warning}", file=sys.stderr)
    scores = None if options.scores is None else inputs.scores(options.scores)
    ways = Ways(options.careful, Tiling(options.tile))
    writer = _writer(inputs, out / MASKS, options)
    with _folder(out):
        run = FolderRun(inputs, _refiner(inputs, options), writer, out / REVIEW, scores, ways)
        take_down(out, how, options.device)
        _publish(run, _refine(run), out, _facts(inputs, options))


def _run_rasters(options: argparse.Namespace, how: Mapping[str, object]) -> None:
    given, out = mask_options(options), options.out
    known = {"background": background_number(given.background), "ignore_index": void_number(given.void)}
    rasters = Rasters.find(options.images, options.given, given, raster_options(options))
    for line in rasters.said():
        print(line)
    with _folder(out):
        refiner = _load(options, **known)
        take_down(out, how, options.device)
        left = [key for key in rasters.pictures if not rasters.out(key, out / MASKS).exists()]
        with _progress() as progress:
            for key in left:
                outcome = rasters.refine(key, refiner, out / MASKS, progress)
                progress.console.print(f"{key}: {100 * outcome.changed / outcome.pixels:.1f} % of the pixels changed")
    print(f"Written to {out / MASKS}")


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """Make the output folder, and keep others out of it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made: {error.strerror}") from error
    with terminable("the same command with --resume goes on"), FolderLock(out):
        yield


def _refiner(inputs: Inputs, options: argparse.Namespace) -> Refiner:
    classes = inputs.masks.classes
    return _load(options, background=inputs.background, ignore_index=len(classes), class_names=classes.names)


def _load(options: argparse.Namespace, **known: Any) -> Refiner:
    how = {"precision": options.precision, "variant": options.row, "device": options.device}
    return Refiner.from_pretrained(sam=options.sam, **how, **known)


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
