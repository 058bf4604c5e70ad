"""``lit-samseg search``: its words."""

import argparse
import sys
from collections.abc import Sequence

from lit_samseg.cli.configured_data import configured_data
from lit_samseg.data.subset import read_ids
from lit_samseg.errors import InputError
from lit_samseg.journal import FolderLock
from lit_samseg.results.run_tables import points
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.search.configuration import Configuration
from lit_samseg.search.outcome import write_front, write_summary, write_winner
from lit_samseg.search.proposals import make_proposals
from lit_samseg.search.recipe_search import TRIALS, RecipeSearch
from lit_samseg.search.space import DEFAULT_SPACE, Space, read_space
from lit_samseg.search.study_command import run_study_search
from lit_samseg.search.trials import best_of
from lit_samseg.search.words import is_over_pairs, make_parser


def run_search(words: Sequence[str]) -> None:
    """Search, and report the winner.

    Args:
        words: The command line after ``lit-samseg search``.

    Raises:
        InputError: The lists share an image, the space or the configuration has a fault, or the folder holds another
            search.
        SystemExit: The words are wrong, or help was asked for.
    """
    if is_over_pairs(words):
        run_study_search(words)
        return
    parser = make_parser()
    options, others = parser.parse_known_args(list(words))
    if options.trials < 1:
        parser.error(f"--trials is {options.trials}; give 1 or more")
    tune, report = read_ids(options.tune), read_ids(options.report)
    check_apart(tune, report)
    space = DEFAULT_SPACE if options.space is None else read_space(options.space)
    configuration = Configuration.of_words(others)
    search = RecipeSearch(options.output_dir, configuration, options.tune)
    try:
        search.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output_dir {search.folder} cannot be made: {error.strerror}") from error
    with FolderLock(search.folder):
        _run(search, configuration, space, options)


def _run(search: RecipeSearch, configuration: Configuration, space: Space, options: argparse.Namespace) -> None:
    tune, report = read_ids(options.tune), read_ids(options.report)
    search.open(tune)
    with atomic_file(search.folder / "config.yaml") as draft:
        draft.write_text(configuration.text, encoding="utf-8")
    with atomic_file(search.folder / "space.yaml") as draft:
        draft.write_text(f"# --trials {options.trials} --seed {options.seed}\n{space.yaml()}", encoding="utf-8")
    # Before hours of work: that both lists' files are there.
    for ids_file in (options.tune, options.report):
        data = configured_data(search.folder, [f"--data.ids={ids_file}"])
        data.setup("test")
    rows = space.rows(data.background is not None, configuration.has_features)
    proposals = make_proposals(space, rows, options.trials, options.seed)
    how = f"{len(set(rows.values()))} recipes, of which up to {options.trials} are tried on {len(tune)} images"
    print(f"Searching {how}; {search.tried} are done", flush=True)
    try:
        search.search(proposals, options.trials, _tell)
        winner = best_of(search.trials)
        front = write_front(search.folder, search.trials)
        write_winner(search.folder, configuration.with_winner(winner.name), winner, search.tried)
        results = search.report(winner.name, options.report, report)
    except BaseException as error:
        # Ctrl-C too, and a batch system's SIGTERM.
        if search.tried or not isinstance(error, Exception):
            kept = f"{search.tried} trials are kept in {search.folder / TRIALS}; the same search again goes on"
            print(f"lit-samseg: {kept}", file=sys.stderr)
        raise
    summary = write_summary(search.folder, search.trials, len(tune), results)
    front.print()
    summary.print()
    print(f"Written to {search.folder}")


def check_apart(tune: Sequence[str], report: Sequence[str]) -> None:
    """Refuse lists of ids that share one.

    Raises:
        InputError: They do; the message names the first.
    """
    shared = sorted(set(tune) & set(report))
    if shared:
        raise InputError(
            f"--tune and --report share {len(shared)} image(s), such as {shared[0]}; what a recipe was chosen on "
            "cannot tell how good it is, so take them out of one list"
        )


def _tell(search: RecipeSearch) -> None:
    best = best_of(search.trials)
    print(f"{search.tried} tried, best so far {points(best.difference)} by {best.name}", flush=True)
