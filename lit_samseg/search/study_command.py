"""``lit-samseg search --study``: its words."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.journal import FolderLock
from lit_samseg.refine.grammar import RowText
from lit_samseg.results.run_tables import points
from lit_samseg.runtime.termination import terminable
from lit_samseg.search.candidates import candidates, settings_of
from lit_samseg.search.chooser import choose, choose_without
from lit_samseg.search.derived_studies import report_study, tuning_gains, tuning_study, write_gains
from lit_samseg.search.pair_images import PairImages, check_parted, images_of, without_tuned
from lit_samseg.search.space import DEFAULT_SPACE, read_space
from lit_samseg.search.study_outcome import Chosen, write_best, write_summary
from lit_samseg.search.words import make_study_parser
from lit_samseg.study.conduct import carry_out, check_all_done
from lit_samseg.study.launchers import LocalLauncher
from lit_samseg.study.outcome import publish_study
from lit_samseg.study.plan import StudyPlan, read_plan


def run_study_search(words: Sequence[str]) -> None:
    """Tune recipes over pairs, and report each pair by one that was tuned without it.

    Args:
        words: The command line after ``lit-samseg search``.

    Raises:
        InputError: The study or the space has a fault, all pairs are of one data set, the folder holds something else,
            or a pair failed.
        SystemExit: The words are wrong, or help was asked for.
    """
    parser = make_study_parser()
    options = parser.parse_args(list(words))
    for name, least in (("trials", 1), ("jobs", 1), ("probe", 0)):
        if getattr(options, name) < least:
            parser.error(f"--{name} is {getattr(options, name)}; give {least} or more")
    plan = read_plan(options.study)
    space = DEFAULT_SPACE if options.space is None else read_space(options.space)
    folder: Path = options.output_dir
    for held, what in (("study.yaml", "a study"), ("trials.csv", "a search over one pair")):
        if (folder / held).exists():
            raise InputError(f"--output_dir {folder} holds {what}; give another")
    pairs = [images_of(pair, options.seed) for pair in plan.pairs]
    check_parted(pairs, options.leave)
    pairs = without_tuned(pairs, options.leave)
    rows = candidates(plan.pairs, settings_of(pairs), space, options.trials, options.seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output_dir {folder} cannot be made: {error.strerror}") from error
    with terminable("the same search again goes on"), FolderLock(folder):
        _run(plan, pairs, rows, options)


def _run(
    plan: StudyPlan, pairs: Sequence[PairImages], rows: Mapping[str, RowText], options: argparse.Namespace
) -> None:
    folder, objective, leave = options.output_dir, options.objective, options.leave
    images = sum(len(own.tune) for own in pairs)
    print(f"Tuning {len(rows)} recipes on {images} images of {len(pairs)} pairs", flush=True)
    tuning, place = tuning_study(plan, folder, pairs, rows)
    launcher = LocalLauncher(options.jobs)
    check_all_done(carry_out(tuning, place, launcher, options.probe), "the same command")
    gains = tuning_gains(tuning, place, pairs, list(rows), leave)
    write_gains(folder / "tuning.csv", gains, objective, pairs)
    best, choices = choose(gains, objective), choose_without(gains, objective)
    write_best(folder, best, rows[best.recipe], len(rows), objective)
    print(f"Best over all pairs: {best.recipe}, {points(best.objective)} on tuning images (optimistic)", flush=True)
    for own, choice in zip(pairs, choices, strict=True):
        print(f"{own.pair.name}, without {own.left_out(leave)}: {choice.recipe}", flush=True)
    report, place = report_study(plan, folder, pairs, choices, rows)
    failures = carry_out(report, place, launcher, options.probe)
    results, page = publish_study(report, place, failures)
    summary = write_summary(folder, results, pairs, Chosen(choices, best, len(rows), objective, leave))
    summary.print()
    print(f"Report: {page}")
    print(f"Written to {folder}")
    check_all_done(failures, "the same command")
