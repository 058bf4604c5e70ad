"""``lit-samseg study``: its words."""

import argparse
from collections.abc import Sequence
from typing import Any

import yaml

from lit_samseg.errors import InputError
from lit_samseg.journal import FolderLock
from lit_samseg.pooling.study_tables import summary_of_study
from lit_samseg.runtime.plain_words import path_of, plain_parser
from lit_samseg.runtime.termination import terminable
from lit_samseg.study.conduct import carry_out, check_all_done, prepare
from lit_samseg.study.folder import StudyFolder
from lit_samseg.study.jobs import Launcher
from lit_samseg.study.launchers import LocalLauncher
from lit_samseg.study.outcome import publish_study
from lit_samseg.study.plan import StudyPlan, read_plan

DESCRIPTION = """\
Ask one question of many pairs of a data set and a baseline: what does each row gain, where, and on the whole?

  lit-samseg study study_demo --output_dir DIR
"""

EPILOG = """\
A study is YAML: pairs, and what all of them share. A pair may say anything that a configuration of 'test' can say. Its
own options are laid over the shared ones, and both over the configuration files that it names.

  rows: [box, none@densecrf, auto]
  sam: {class_path: lit_samseg.sam.SegmentAnything, init_args: {checkpoint: mobile_sam}}
  pairs:
    - name: VOC 2012 x DeepLabV3
      data: {class_path: lit_samseg.data.VOC2012, init_args: {root: DIR}}
      baseline: {class_path: lit_samseg.baselines.MobileNetV2DeepLab, init_args: {checkpoint: DIR}}
    - name: mine
      config: folder_precomputed_mobilesam
      data: {init_args: {root: DIR}}

In DIR: study.html (the answer), study.json, study.md, study.tex and study.csv, for each pair configs/PAIR.yaml,
pairs/PAIR (the output folder of its test) and logs/PAIR.txt, and cache (embeddings, shared by all pairs; may be
deleted). Each pair runs in a process of its own. One that fails is named, and the others go on (exit code 2).
"""


def run_study(words: Sequence[str]) -> None:
    """Run a study, or what is left of it, and say what came of it.

    Args:
        words: The command line after ``lit-samseg study``.

    Raises:
        InputError: The file has a fault, the folder holds another study, or a pair failed.
        SystemExit: The words are wrong, or help was asked for.
    """
    parser = _parser()
    options = parser.parse_args(list(words))
    plan = read_plan(options.study)
    folder = StudyFolder(options.output_dir)
    if folder.has_study() and not options.resume:
        raise InputError(f"{folder.path} holds a study; go on with it by --resume, or give another --output_dir")
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output_dir {folder.path} cannot be made: {error.strerror}") from error
    with terminable("the same command with --resume goes on"), FolderLock(folder.path):
        _run(plan, folder, options)


def _run(plan: StudyPlan, folder: StudyFolder, options: argparse.Namespace) -> None:
    launcher = _launcher(folder, options)
    if options.plan:
        prepare(plan, folder, launcher, options.probe)
        return
    failures = carry_out(plan, folder, launcher, options.probe, options.shards)
    # Files first: whoever reads along may stop reading.
    results, page = publish_study(plan, folder, failures)
    for table in summary_of_study(results):
        table.print()
    print(f"Report: {page}")
    print(f"Written to {folder.path}")
    check_all_done(failures, "the same command with --resume")


def _launcher(folder: StudyFolder, options: argparse.Namespace) -> Launcher:
    if options.launcher == "local":
        if options.cluster_options or options.cluster != "auto":
            raise InputError(
                "--cluster and --cluster_options are for --launcher submitit; leave them out, or give that"
            )
        return LocalLauncher(options.jobs or 1)
    # Here, since who has one machine does without it.
    from lit_samseg.study.cluster import ClusterLauncher

    return ClusterLauncher(folder.path / "cluster", options.cluster, dict(options.cluster_options), options.jobs)


def _parser() -> argparse.ArgumentParser:
    parser = plain_parser("lit-samseg study", DESCRIPTION, EPILOG)
    parser.add_argument(
        "study", type=path_of, metavar="FILE", help="the study's YAML file, see below, or a shipped one's name"
    )
    parser.add_argument("--output_dir", type=path_of, required=True, metavar="DIR", help="the folder of the study")
    parser.add_argument(
        "--resume",
        nargs="?",
        type=_bool,
        const=True,
        default=False,
        metavar="true",
        help="go on with the study in DIR, or begin one there; pairs that were added to FILE are run as well",
    )
    parser.add_argument(
        "--jobs", type=_positive, default=None, metavar="N", help="pairs at the same time (1; of submitit all)"
    )
    parser.add_argument(
        "--probe", type=_count, default=3, metavar="N", help="images of each pair to tell the cost by (3; 0: none)"
    )
    parser.add_argument(
        "--shards", type=_positive, default=1, metavar="N", help="commands that share the images of each pair (1)"
    )
    parser.add_argument(
        "--launcher",
        choices=("local", "submitit"),
        default="local",
        help="local: this machine; submitit: a job of SLURM for each pair, DIR on a disk that all nodes share",
    )
    parser.add_argument(
        "--cluster", choices=("auto", "slurm", "local"), default="auto", help="of submitit (SLURM where it is there)"
    )
    parser.add_argument(
        "--cluster_options",
        nargs="+",
        type=_option,
        default=[],
        metavar="KEY=VALUE",
        help="of submitit's jobs, such as timeout_min=720 gpus_per_node=1 slurm_partition=gpu",
    )
    parser.add_argument("--plan", action="store_true", help="tell what there is to do and what it costs, and end")
    return parser


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return name, yaml.safe_load(value)


def _count(text: str) -> int:
    return _at_least(0, text)


def _positive(text: str) -> int:
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from error
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is below {least}")
    return number
