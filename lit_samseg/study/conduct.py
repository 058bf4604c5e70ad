"""The course of a study: probe, tell the cost, run what is left."""

from collections.abc import Callable

from lit_samseg.errors import InputError
from lit_samseg.results.run_tables import count
from lit_samseg.study.cost import Cost, cost_table, probe_job, read_cost, read_costs, unknown_costs, write_costs
from lit_samseg.study.folder import StudyFolder, words_of_test
from lit_samseg.study.jobs import Job, Launcher, run_jobs
from lit_samseg.study.live import LiveTable
from lit_samseg.study.plan import Pair, StudyPlan

Failures = dict[str, str]
"""Why pairs failed, in a line each."""


def prepare(plan: StudyPlan, folder: StudyFolder, launcher: Launcher, images: int) -> tuple[dict[str, Cost], Failures]:
    """Write the plan, find what pairs cost, and tell what is left to do; see `find_costs`.

    Raises:
        InputError: A pair that was run before has other options now.
    """
    folder.write_plan(plan)
    costs, failures = find_costs(plan, folder, launcher, images)
    if any(not folder.is_finished(pair) for pair in plan.pairs):
        cost_table(plan, folder, costs, launcher.at_once).print()
    return costs, failures


def carry_out(plan: StudyPlan, folder: StudyFolder, launcher: Launcher, images: int, shards: int = 1) -> Failures:
    """Run a study, or what is left of it, and return which pairs failed.

    Args:
        plan: The study.
        folder: Its folder.
        launcher: What runs pairs.
        images: How many images of each pair tell its cost.
        shards: As of `run_pairs`.

    Raises:
        InputError: A pair that was run before has other options now, or all pairs have failed.
    """
    costs, failures = prepare(plan, folder, launcher, images)
    failures = run_pairs(plan, folder, launcher, costs, failures, shards)
    if not any(folder.is_finished(pair) for pair in plan.pairs):
        name, reason = next(iter(failures.items()))
        raise InputError(f"no pair could be run; {name}: {reason}")
    return failures


def check_all_done(failures: Failures, goes_on: str) -> None:
    """See that no pair failed.

    Args:
        failures: Why pairs failed.
        goes_on: How to go on when they are mended.

    Raises:
        InputError: One did; the message names the first.
    """
    if failures:
        name, reason = next(iter(failures.items()))
        raise InputError(f"{count(len(failures), 'pair')} failed, {name}: {reason}; mend it and go on by {goes_on}")


def find_costs(
    plan: StudyPlan, folder: StudyFolder, launcher: Launcher, images: int
) -> tuple[dict[str, Cost], Failures]:
    """Run the first few images of each pair whose cost is not known yet.

    Args:
        plan: The study.
        folder: Its folder.
        launcher: What runs pairs.
        images: How many images; none of any pair if 0.

    Returns:
        The costs by pair, and the pairs that failed.
    """
    costs = read_costs(folder.path)
    unknown = unknown_costs(plan, folder, costs) if images else []
    if not unknown:
        return costs, {}
    print(f"Trying {images} images of each of {len(unknown)} pairs", flush=True)
    jobs = [probe_job(folder, pair, images) for pair in unknown]
    run_jobs(jobs, launcher, _telling_failures(jobs))
    for job, pair in zip(jobs, unknown, strict=True):
        if job.state == "done":
            costs[pair.name] = read_cost(folder, pair)
    write_costs(folder.path, costs)
    return costs, {job.name: job.reason for job in jobs if job.state == "failed"}


def _telling_failures(jobs: list[Job]) -> Callable[[], None]:
    told: set[str] = set()

    def tell() -> None:
        for job in jobs:
            if job.state == "failed" and job.name not in told:
                told.add(job.name)
                print(f"{job.name}: failed: {job.reason}", flush=True)

    return tell


def run_pairs(
    plan: StudyPlan,
    folder: StudyFolder,
    launcher: Launcher,
    costs: dict[str, Cost],
    failures: Failures,
    shards: int = 1,
) -> Failures:
    """Run what is left of each pair, and return which failed.

    Args:
        plan: The study.
        folder: Its folder.
        launcher: What runs pairs.
        costs: By pair.
        failures: Pairs that are not run, since their first images failed.
        shards: In how many commands the images of each pair are evaluated, before one more finishes the pair.
    """
    left = [pair for pair in plan.pairs if pair.name not in failures and not folder.is_finished(pair)]
    jobs = [Job(pair.name, words_of_test(folder, pair), folder.log(pair), pair.data_key) for pair in left]
    if not jobs:
        return failures
    parts = [part for job, pair in zip(jobs, left, strict=True) for part in _shards(job, folder, pair, shards)]
    failed = [Job(name, (), folder.path, state="failed", reason=reason) for name, reason in failures.items()]
    with LiveTable(plan, folder, [*jobs, *failed], costs) as table:
        run_jobs([*parts, *jobs], launcher, table.look)
        table.look()
    return failures | {job.name: job.reason for job in jobs if job.state == "failed"}


def _shards(job: Job, folder: StudyFolder, pair: Pair, shards: int) -> list[Job]:
    """Return a pair's shards, and have the pair's own job come after them."""
    if shards == 1:
        return []
    job.after = [
        Job(
            f"{job.name}, shard {number}",
            [*job.words, f"--shard={number}/{shards}"],
            folder.log(pair, f"-shard-{number}"),
            job.group if number == 1 else f"{job.group} {number}",
        )
        for number in range(1, shards + 1)
    ]
    return list(job.after)
