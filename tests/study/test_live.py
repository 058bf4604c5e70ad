"""What is told while a study runs."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from lit_samseg.results.run_tables import points
from lit_samseg.study.cost import Cost
from lit_samseg.study.folder import StudyFolder
from lit_samseg.study.jobs import Job
from lit_samseg.study.launchers import _threads
from lit_samseg.study.live import LiveTable
from lit_samseg.study.plan import read_plan
from tests.study.conftest import ROWS, Studied
from tests.study.test_study import study_of


def text_of(table: LiveTable) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    console.print(table.table())
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_the_table_has_each_pairs_state_and_what_came_of_it(studied: Studied) -> None:
    plan, folder = read_plan(studied.file), StudyFolder(studied.folder)
    done, running, failed = (Job(pair.name, (), Path("log")) for pair in plan.pairs)
    done.state, running.state, failed.state, failed.reason = "done", "running", "failed", "no such file"
    table = LiveTable(plan, folder, [done, running, failed], {running.name: Cost(3, 60.0, {})})
    lines = text_of(table)
    study = study_of(studied.folder)
    gain = points(study["rows"][1]["effects"][0]["value"])
    assert f"gain, {ROWS[-1]}" in lines[1]
    assert f"test x DeepLab done {100 * study['pairs'][0]['miou_gt_present']:.2f} {gain}" in lines
    # Its journal is gone: no image of it is done, as far as is known.
    assert "val x DeepLab running 0/3 3 min" in lines
    assert "two of test x DeepLab failed: no such file" in lines


def test_a_row_that_its_run_has_by_another_name_is_told_of(studied: Studied, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(studied.file.read_text(encoding="utf-8").replace(ROWS[-1], "auto"), encoding="utf-8")
    plan = read_plan(file)
    assert plan.pairs[0].rows == [*ROWS[:-1], "auto"]
    lines = text_of(LiveTable(plan, StudyFolder(studied.folder), [], {}))
    assert "gain, auto" in lines[1]
    (line,) = (line for line in lines if line.startswith("test x DeepLab done"))
    assert line.endswith(points(study_of(studied.folder)["rows"][1]["effects"][0]["value"]))


def test_elsewhere_than_on_a_terminal_each_change_is_a_line(studied: Studied) -> None:
    plan, folder = read_plan(studied.file), StudyFolder(studied.folder)
    job = Job(plan.pairs[0].name, (), Path("log"))
    console = Console(file=io.StringIO(), width=200)
    assert isinstance(console.file, io.StringIO)
    with LiveTable(plan, folder, [job], {}, console) as table:
        for state in ("waiting", "running", "running", "done"):
            job.state = state  # type: ignore[assignment]
            table.look()
    first, second = console.file.getvalue().splitlines()
    assert first == "test x DeepLab: running"
    assert second.startswith("test x DeepLab: done in ")
    assert f", {ROWS[-1]} +" in second


def test_a_job_that_waits_for_its_shards_is_running() -> None:
    shards = [Job(f"shard {n}", (), Path("log")) for n in (1, 2)]
    whole = Job("whole", (), Path("log"), after=shards)
    assert whole.state_of_all == "waiting"
    shards[1].state, shards[1].began = "failed", 5.0
    assert whole.state_of_all == "running"
    whole.state, whole.began, shards[0].began = "done", 9.0, 7.0
    assert whole.state_of_all == "done"
    assert whole.first_began == 5.0


def test_pairs_beside_each_other_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [_threads(at_once) for at_once in (1, 2, 3, 16)] == [None, 4, 2, 1]
    # What the user says goes for every pair.
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert _threads(2) is None
