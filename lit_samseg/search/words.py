"""The words of ``lit-samseg search``; plain text, so that help is there at once."""

import argparse
from collections.abc import Sequence
from typing import Literal, get_args

from lit_samseg.runtime.plain_words import path_of, plain_parser

TUNED_ON = 24
"""Images of a pair that recipes are tuned on, where the study does not say."""

Objective = Literal["mean", "worst"]
"""``mean``: over data sets of the mean over their pairs; ``worst``: of the pair that gains least."""

Leave = Literal["dataset", "pair"]
"""What a pair's recipe is tuned without: all pairs of its data set, or the pair alone."""

DESCRIPTION = """\
Try recipes on the images of one list, and report the best on those of another, which shares no image with it.

  lit-samseg search --config demo --tune tune.txt --report report.txt --output_dir DIR

Over the pairs of a study, each reported by a recipe that was tuned without its data set:

  lit-samseg search --study FILE --output_dir DIR      see lit-samseg search --study FILE --help

Over one pair, all options of 'test' (--config, --data.X, --model.X, --trainer.X) mean the same here. Each trial is a
row of a test over the tuning images; its embeddings are kept in DIR/cache (or --model.cache_dir), so no image is
encoded twice.
"""

EPILOG = """\
A space is YAML, of which all combinations that mean something may be tried:

  recipes: [points+box+mask, point+box+margin, none]      none: no prompt, as in none@crf
  regions: [class, component]
  selections: [iou, score, single]
  words:
    gate: [none, 0.5, 0.7]
    fuse: [none, 0.15, 0.3, 0.5]
    vote: [none, 0.15, 0.3, 0.6]
    crf: [none, crf, samcrf]

If there are at most --trials, all are tried; else Optuna's TPE chooses (pip install 'lit_samseg[search]').
In DIR: trials.csv (all of them, as fractions), front.csv and front.md (those that no other beats in mIoU and seconds),
best.yaml (the winner's configuration), report/ (a test on the reporting images), summary.md, and space.yaml. The same
command again goes on where it was interrupted, or tries more if --trials is larger.
"""


STUDY_DESCRIPTION = """\
Tune recipes over the pairs of a study, and report each pair by a recipe that was tuned without its data set.

  lit-samseg search --study study_shared --output_dir DIR --space space.yaml --trials 12
"""

STUDY_EPILOG = f"""\
FILE is the file of a study (lit-samseg study --help). Recipes are tuned on {TUNED_ON} images of each pair. Each pair is
reported on all of its images, none of which its own recipe was tuned on. The file may say otherwise, for all pairs and
for each:

  search:
    tune: 12               a number of images, drawn by --seed, or one or more files with a list of ids
    report: report.txt     the same
    group: outdoor         pairs of one group are left out together; without it, those of one data set, by its name.
                           Folders of your own all have one name, so tell them apart by this; and give data sets that
                           label the same images one group

By --leave pair, images that others hold as tuning images are not reported on.

In DIR: summary.md (each pair by its recipe, beside auto), best.yaml (the best recipe over all pairs, to be laid over a
configuration of your own), tuning.csv (all recipes), tuning and report (the two studies it is made of, the latter
with its study.html), ids, and cache (may be deleted). The same command again goes on where it was interrupted.
"""


def check_words(words: Sequence[str]) -> None:
    """Answer a request for help, or wrong words.

    Raises:
        SystemExit: That was done.
    """
    if is_over_pairs(words):
        make_study_parser().parse_args(list(words))
    else:
        make_parser().parse_known_args(list(words))


def is_over_pairs(words: Sequence[str]) -> bool:
    """Tell whether a search is over the pairs of a study."""
    return any(word.partition("=")[0] == "--study" for word in words)


def make_parser() -> argparse.ArgumentParser:
    """Return what reads the words of a search over one pair; the others are for ``test``."""
    # What is left over is for 'test', whose options begin like these.
    parser = plain_parser("lit-samseg search", DESCRIPTION, EPILOG, allow_abbrev=False)
    for name, what in (("tune", "to choose on"), ("report", "to report on, none of which is in the other list")):
        parser.add_argument(
            f"--{name}", type=path_of, required=True, metavar="IDS_FILE", help=f"ids of the images {what}, one a line"
        )
    parser.add_argument("--trials", type=int, default=64, metavar="N", help="how many recipes are tried in all (64)")
    parser.add_argument("--space", type=path_of, default=None, metavar="FILE", help="YAML with the choices, see below")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of Optuna's draws (0)")
    parser.add_argument("--output_dir", type=path_of, required=True, metavar="DIR", help="the folder of the search")
    return parser


def make_study_parser() -> argparse.ArgumentParser:
    """Return what reads the words of a search over pairs."""
    parser = plain_parser("lit-samseg search --study", STUDY_DESCRIPTION, STUDY_EPILOG)
    parser.add_argument("--study", type=path_of, required=True, metavar="FILE", help="the study's YAML file")
    parser.add_argument("--output_dir", type=path_of, required=True, metavar="DIR", help="the folder of the search")
    parser.add_argument(
        "--space",
        type=path_of,
        default=None,
        metavar="FILE",
        help="YAML with the choices, see lit-samseg search --help",
    )
    parser.add_argument(
        "--trials", type=int, default=32, metavar="N", help="recipes of the space that are tried, all or so many (32)"
    )
    _choice(parser, "objective", Objective, "gain over data sets, or that of the pair that gains least")
    _choice(parser, "leave", Leave, "what a pair's recipe is tuned without: its data set, or the pair alone")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn (0)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="pairs that run at the same time (1)")
    parser.add_argument(
        "--probe", type=int, default=1, metavar="N", help="images of each pair to tell the cost by (1; 0: none)"
    )
    return parser


def _choice(parser: argparse.ArgumentParser, name: str, kind: object, what: str) -> None:
    choices = get_args(kind)
    parser.add_argument(f"--{name}", choices=choices, default=choices[0], help=f"{what} (default: {choices[0]})")
