"""The pairs of a study that are finished become its answer."""

from collections.abc import Mapping
from pathlib import Path

from lit_samseg.pooling.contents import StudyResults
from lit_samseg.pooling.finished_pair import FinishedPair
from lit_samseg.pooling.pool_runs import pool_runs
from lit_samseg.pooling.study_file import STUDY_VERSION, write_study
from lit_samseg.pooling.study_tables import tables_of_study
from lit_samseg.results.rows import RESAMPLES
from lit_samseg.results.text_table import write_tables
from lit_samseg.study.cost import read_costs
from lit_samseg.study.folder import StudyFolder
from lit_samseg.study.plan import StudyPlan


def pool_study(plan: StudyPlan, folder: StudyFolder, failures: Mapping[str, str]) -> StudyResults:
    """Pool the pairs that are finished, and write ``study.json``.

    Args:
        plan: The study.
        folder: Its folder.
        failures: Why the other pairs failed.

    Raises:
        InputError: A run cannot be read.
    """
    costs = read_costs(folder.path)
    done = [
        FinishedPair.read(
            pair.name,
            folder.path,
            folder.run(pair).relative_to(folder.path).as_posix(),
            pair.rows,
            costs[pair.name].rows if pair.name in costs else {},
        )
        for pair in plan.pairs
        if folder.is_finished(pair)
    ]
    pairs, rows = pool_runs(done, plan.control)
    results: StudyResults = {
        "schema_version": STUDY_VERSION,
        "title": plan.title,
        "pairs": pairs,
        "rows": rows,
        "failed": [{"pair": name, "reason": reason} for name, reason in failures.items()],
        "resamples": RESAMPLES,
    }
    write_study(folder.path, results)
    return results


def publish_study(plan: StudyPlan, folder: StudyFolder, failures: Mapping[str, str]) -> tuple[StudyResults, Path]:
    """Pool the pairs that are finished, write all that is made of them, and return the answer and its page.

    Args and errors are those of `pool_study`.
    """
    # Here, since matplotlib takes half a second to import.
    from lit_samseg.report.study_page import write_study_page

    results = pool_study(plan, folder, failures)
    write_tables(tables_of_study(results), folder.path, "study")
    return results, write_study_page(folder.path)
