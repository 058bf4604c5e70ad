"""What commands without Lightning's options read their words by; help is there at once."""

import argparse
from pathlib import Path
from typing import Any


def plain_parser(command: str, description: str, epilog: str, **options: Any) -> argparse.ArgumentParser:
    """Return a parser whose help keeps the lines of its texts.

    Args:
        command: As it is typed, ``lit-samseg export``.
        description: Stands above the options.
        epilog: Stands below them.
        options: Others of `argparse.ArgumentParser`.
    """
    return argparse.ArgumentParser(
        command,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def add_sam(parser: argparse.ArgumentParser) -> None:
    """Add ``--sam``, what `lit_samseg.sam.load_promptable_segmenter` takes."""
    parser.add_argument(
        "--sam",
        default="mobile_sam",
        metavar="SAM",
        help="a known name (mobile_sam, vit_b, vit_l, vit_h: downloaded once; demo), a checkpoint file, or a folder or "
        "hub id in the layout of transformers (mobile_sam)",
    )


def path_of(text: str) -> Path:
    """Return a path that was typed; ``~`` is the home folder, also behind ``=``, where a shell leaves it."""
    return Path(text).expanduser()
