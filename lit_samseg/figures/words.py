"""The words of ``lit-samseg figure``; plain text, so that help is there at once."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lit_samseg.cli.data_words import split_words

PICTURES = {
    "1": "image, ground truth, baseline",
    "3": "ground truth in red and a row's prompts: boxes in blue, points",
    "4": "image, ground truth, baseline, baseline + SAM",
}

PLOTS = ("forest", "trimap", "ladder", "classes")
"""Figures of a run that show no picture; `lit_samseg.figures.command` draws them."""

STUDY_PLOTS = ("forest", "pooled", "baseline", "cost", "borders", "slopes", "classes")
"""Figures of a study; see `lit_samseg.figures.study_figure`."""

EPILOG = """\
In place of RUN there may be the folder of a study (lit-samseg study): forest draws the gain of each row, or of those
that are named (--row again for more), on each pair and pooled; pooled, baseline, cost, borders, slopes and classes are
the other plots of its page.
Options of the data set, such as --data.root DIR where it has moved, override what the run's config.yaml says.
"""


def check_words(words: Sequence[str]) -> None:
    """Answer a request for help, or wrong words.

    Raises:
        SystemExit: That was done.
    """
    make_parser().parse_args(split_words(words)[0])


def make_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    shown = "; ".join(f"{name}: {what}" for name, what in PICTURES.items())
    parser = argparse.ArgumentParser(
        "lit-samseg figure",
        description=f"Draw a figure of a finished run, or of a study, for print. {shown}; and the report's plots.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the output folder of a finished test, or of a study")
    names = dict.fromkeys((*PICTURES, *PLOTS, *STUDY_PLOTS))
    told = f"{', '.join((*PICTURES, *PLOTS))}; of a study {', '.join(STUDY_PLOTS)}"
    parser.add_argument("name", metavar="NAME", choices=names, help=told)
    parser.add_argument(
        "--output", type=Path, default=None, metavar="FILE", help=".pdf, .svg, .png or .tif (RUN/figure_NAME.pdf)"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--ids", nargs="+", default=None, metavar="ID", help="show these images, in this order")
    which.add_argument(
        "--pick",
        choices=("best", "worst", "random"),
        default=None,
        help="show images with the largest or the smallest difference of --row to the baseline, or any (best)",
    )
    parser.add_argument("--count", type=int, default=None, metavar="N", help="how many are picked (4)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="of a random pick (0)")
    parser.add_argument(
        "--row",
        action="append",
        default=None,
        help="a row of the run (the best one; in figure 3 box); of a study also several, each by --row of its own",
    )
    parser.add_argument(
        "--overlay", choices=("true", "false"), default=None, help="figures 1, 4: label maps over the image (false)"
    )
    return parser
