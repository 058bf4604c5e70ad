"""The order in which a run's writers take turns, and what is left where one of them fails."""

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from lit_samseg.baselines import Precomputed
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.journal import FolderLock, Journal
from lit_samseg.writing import OneProcess, RunOutput, RunPlan, Writer, writers_of_run
from lit_samseg.writing.pictures import PredictionWriter
from tests.recomputation import read_predictions, results_of
from tests.writing.small_run import SmallRun

EVERYTHING = {"predictions", "gallery", "results.json", "counts.npz", "tables.md", "config.yaml", "ids.txt"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


class Noting(Writer):
    """Takes down its calls; fails in one if it is told to."""

    def __init__(self, run: RunPlan, name: str, calls: list[str], failing: str = "") -> None:
        super().__init__(run)
        self.name, self.calls, self.failing = name, calls, failing

    def note(self, call: str, more: str = "") -> None:
        self.calls.append(f"{self.name} {call}{more}")
        if call == self.failing:
            raise RuntimeError("of the test")

    def begin(self, kept: Collection[str]) -> None:
        self.note("begin")

    def add(self, sample: Sample, maps: LabelMaps) -> Sequence[Future[None]]:
        self.note("add", f" {maps.id[-1]}")
        return ()

    def finish(self) -> None:
        self.note("finish")

    def publish(self) -> None:
        self.note("publish")

    def abort(self, keep: bool) -> None:
        self.note("abort", " keep" if keep else "")

    def tell(self) -> None:
        self.note("tell")


ALL = ["a begin", "b begin", *(f"{who} add {n}" for n in range(4) for who in "ab"), "a finish", "b finish"]
ALL += ["a publish", "b publish", "a tell", "b tell"]
ABORTED = ["a abort keep", "b abort keep", "a tell", "b tell"]


def test_writers_take_turns(small: SmallRun) -> None:
    calls: list[str] = []
    small.run(writers=lambda run: [Noting(run, name, calls) for name in "ab"])
    assert calls == ALL
    assert names(small.folder) == set()


@pytest.mark.parametrize(
    ("failing", "until", "after"),
    [
        ("begin", "a begin", ["a abort", "b abort", "a tell", "b tell"]),
        ("add", "a add 0", ["a abort", "b abort", "a tell", "b tell"]),
        ("finish", "a finish", ABORTED),
        ("publish", "a publish", ABORTED),
    ],
)
def test_where_a_writer_fails_all_are_told_to_end(small: SmallRun, failing: str, until: str, after: list[str]) -> None:
    """Without an image that all have written there is nothing to keep."""
    calls: list[str] = []
    with pytest.raises(RuntimeError, match="of the test"):
        small.run(writers=lambda run: [Noting(run, "a", calls, failing), Noting(run, "b", calls)])
    assert calls == [*ALL[: ALL.index(until) + 1], *after]
    assert names(small.folder) == (set() if after != ABORTED else {"journal"})


def test_an_image_is_finished_when_all_of_it_is_written(small: SmallRun) -> None:
    """The second image's writing never ends; those after it are not believed either."""
    begun: list[Future[None]] = []

    class Slow(Writer):
        def add(self, sample: Sample, maps: LabelMaps) -> Sequence[Future[None]]:
            begun.append(Future())
            if len(begun) != 2:
                begun[-1].set_result(None)
            return begun[-1:]

        def finish(self) -> None:
            assert set(Journal(self.run.output_dir).records()) == {"2007_000000"}
            begun[1].set_exception(OSError("of the test"))
            begun[1].result()

    with pytest.raises(OSError, match="of the test"):
        small.run(writers=lambda run: [Slow(run)])
    assert len(begun) == 4
    assert set(Journal(small.folder).records()) == {"2007_000000"}


def test_a_run_leaves_its_files_and_nothing_else(small: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    small.run(report=True)
    assert names(small.folder) >= EVERYTHING | {"report.html"}
    assert not {"journal", ".lock", "gallery.partial", "predictions.partial"} & names(small.folder)
    out = capsys.readouterr().out
    last = " ".join(out.split()[-5:])
    assert last == f"Written to {small.folder} Report: {small.folder / 'report.html'}"


def test_nothing_has_a_final_name_before_the_last_image(small: SmallRun) -> None:
    seen: list[set[str]] = []

    class Looking(Writer):
        def finish(self) -> None:
            seen.append(names(self.run.output_dir))

    small.run(writers=lambda run: [*writers_of_run(run), Looking(run)])
    assert seen == [{"journal", ".lock", "gallery.partial", "predictions.partial"}]


def test_an_end_before_the_first_image_leaves_nothing(small: SmallRun) -> None:
    with pytest.raises(KeyboardInterrupt):
        small.run(0)
    assert names(small.folder) == set()
    output = RunOutput(plan := small.plan(), writers_of_run(plan))
    output.open()
    assert names(small.folder) == {"journal", ".lock"}
    output.abort()
    assert names(small.folder) == set()


def test_a_run_that_stops_early_keeps_no_journal(small: SmallRun) -> None:
    plan = small.plan(stopped_by="trainer.limit_test_batches")
    with pytest.raises(InputError, match=r"leave out trainer.limit_\* and fast_dev_run"):
        small.run(plan=plan, resume=True)
    with pytest.raises(OSError, match="full"):
        small.run(plan=plan, writers=lambda run: [*writers_of_run(run), Full(run)])
    assert names(small.folder) == set()
    plan = small.plan(stopped_by="trainer.limit_test_batches")
    small.run(2, plan=plan)
    assert results_of(small.folder)["partial"] == {"of": 4, "option": "trainer.limit_test_batches"}
    assert "journal" not in names(small.folder)


class Full(Writer):
    def finish(self) -> None:
        raise OSError("full")


def test_a_finished_run_stays_unless_it_may_be_replaced(small: SmallRun) -> None:
    small.run()
    before = {path: path.read_bytes() for path in small.folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="holds a run of lit-samseg test already; give another --output_dir, or repl"):
        small.run()
    with pytest.raises(InputError, match=r"nothing to resume: the run in .* is finished"):
        small.run(resume=True)
    with pytest.raises(InputError, match="holds what lit-samseg test wrote; give another --output_dir"):
        small._replace(command="predict").run(overwrite=True)
    assert {path: path.read_bytes() for path in small.folder.rglob("*") if path.is_file()} == before
    # Label maps and small pictures of the replaced run are not of these results.
    small.run(plan=small.plan(save=False), gallery=False, overwrite=True)
    assert not {"predictions", "gallery", "journal"} & names(small.folder)


@pytest.mark.parametrize("alone", [True, False])
def test_label_maps_of_an_earlier_predict_stay(
    small: SmallRun, alone: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    predict = small._replace(command="predict")
    predict.run(alone=alone)
    label_maps = "refined" if alone else "predictions"
    assert names(small.folder) == {"overlays", label_maps}
    assert capsys.readouterr().out.split() == [
        *("Written", "to", str(small.folder / label_maps)),
        *("Written", "to", str(small.folder / "overlays")),
    ]
    with pytest.raises(InputError, match="holds a run of lit-samseg predict already"):
        predict.run(alone=alone)
    # The other folder of label maps would be of another run.
    predict.run(alone=not alone, overwrite=True)
    assert names(small.folder) == {"overlays", "predictions" if alone else "refined"}
    maps = small.folder / ("predictions/box@component" if alone else "refined")
    assert len(read_predictions(maps)) == 4


def test_files_of_the_user_s_are_not_replaced(small: SmallRun) -> None:
    (small.folder / "gallery").mkdir(parents=True)
    (small.folder / "gallery/own.webp").touch()
    with pytest.raises(InputError, match="gallery was not written by lit-samseg and would be replaced"):
        small.run()
    small.run(gallery=False)
    assert (small.folder / "gallery/own.webp").exists()


@pytest.mark.parametrize("beside_scores", [False, True])
@pytest.mark.parametrize("save", [True, False])
def test_label_maps_that_the_baseline_reads_are_not_replaced(small: SmallRun, save: bool, beside_scores: bool) -> None:
    """Nor removed, where none are written."""
    small.run()
    plan = small.plan(save=save)
    root = small.folder / "predictions/baseline"
    if beside_scores:
        plan.module.baseline.label_maps = Precomputed(str(root))  # type: ignore[assignment]
    else:
        plan.module.baseline.root = root  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"which the baseline reads, would be replaced"):
        small.run(plan=plan, overwrite=True)
    assert len(read_predictions(small.folder / "predictions/baseline")) == 4


def test_one_run_at_a_time(small: SmallRun) -> None:
    small.folder.mkdir()
    with FolderLock(small.folder):
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(InputError, match="is being written by process"):
                small.run(**options)
            assert names(small.folder) == {".lock"}
    small.run()
    assert ".lock" not in names(small.folder)


def test_a_folder_that_another_process_took_is_left_to_it(small: SmallRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken down any more, and what was is kept."""
    checks: list[int] = []

    def check(lock: FolderLock) -> None:
        checks.append(1)
        if len(checks) > 2:
            raise InputError("was taken over")

    monkeypatch.setattr(FolderLock, "check", check)
    with pytest.raises(InputError, match="was taken over"):
        small.run()
    assert len(Journal(small.folder).records()) == 2
    assert {"predictions.partial", "gallery.partial"} <= names(small.folder)


class Second(OneProcess):
    """A second process, which hears what the first one said."""

    rank, count = 1, 2

    def __init__(self, said: Any) -> None:
        self.said = said

    def broadcast(self, value: Any) -> Any:
        return self.said


def test_other_processes_decide_nothing(small: SmallRun) -> None:
    """They take neither lock nor journal, and end with the first one's error."""
    output = RunOutput(plan := small.plan(processes=Second((None, 1, {"2007_000001"}))), writers_of_run(plan))
    output.open()
    assert names(small.folder) == set()
    assert plan.data.finished == {1}
    output.abort()
    with pytest.raises(InputError, match="said by the first"):
        RunOutput(small.plan(processes=Second(("said by the first", 0, set()))), []).open()


def test_pictures_are_written_in_threads_whose_errors_are_raised(
    small: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PredictionWriter, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        small.run(writers=lambda run: [PredictionWriter(run)])
    assert names(small.folder) == set()
