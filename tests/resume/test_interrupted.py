"""However a run ends early, what it finished is kept, believed only where it is whole, and gone on with."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lit_samseg.callbacks import picture_writer, report_writer
from lit_samseg.journal import Journal, records
from tests.conftest import RunCli, SmallVoc
from tests.recomputation import results_of
from tests.resume.comparing import assert_same
from tests.resume.conftest import Interrupt


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def records_file(folder: Path) -> Path:
    (path,) = (folder / "journal").glob("*.records")
    return path


def go_on(run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path, resumed: int) -> None:
    """Go on to the end, and compare with the undisturbed run."""
    outcome = run_cli(*words, "--resume=true")
    assert outcome.code == 0, outcome.err
    assert_same(whole, tmp_path / "run")
    results = results_of(tmp_path / "run")
    assert results["resumed"] == resumed
    assert [process["images"] for process in results["processes"]] == [4 - resumed]


def test_ctrl_c_says_how_to_go_on(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    outcome = interrupt(3)
    assert outcome.code == 130
    assert names(tmp_path / "run") == {"journal", "gallery.partial", "predictions.partial"}
    told = re.search(r"3 of 4 images are done and kept; go on by the same command with (.*)\n", outcome.err)
    assert told is not None
    outcome = run_cli(*words[:-1], *shlex.split(told[1]))
    assert outcome.code == 0, outcome.err
    assert "3 of 4 images are done already" in outcome.err
    assert_same(whole, tmp_path / "run")


def test_a_run_without_a_finished_image_leaves_nothing(interrupt: Interrupt, tmp_path: Path) -> None:
    assert interrupt(0).code == 130
    assert names(tmp_path / "run") == set()


def test_unfinished_work_is_not_overwritten_by_chance(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    interrupt(2)
    outcome = run_cli(*words)
    assert outcome.code == 2
    assert "an unfinished run, 2 of its images are done; go on with it by --resume true" in outcome.err
    go_on(run_cli, words, whole, tmp_path, resumed=2)


def test_interrupted_many_times(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    interrupt(1)
    for _ in range(2):
        assert interrupt(1, "--resume=true").code == 130
    assert len(list((tmp_path / "run/journal").glob("*.records"))) == 3
    go_on(run_cli, words, whole, tmp_path, resumed=3)


def test_a_defect_of_the_program_loses_nothing(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="of the test"):
        interrupt(2, error=RuntimeError)
    go_on(run_cli, words, whole, tmp_path, resumed=2)


def test_killed_when_all_was_evaluated(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    """Pictures and results have their final names then, and nothing is evaluated again."""

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(report_writer.ReportWriter, "on_test_end", fail)
        assert run_cli(*words, "--report=true").code == 130
    assert {"journal", "gallery", "predictions", "results.json"} <= names(tmp_path / "run")
    go_on(run_cli, words, whole, tmp_path, resumed=4)


def test_killed_before_all_was_evaluated_again(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    """As before, and one of the published pictures is gone: the others move back and are kept."""
    monkeypatch.setattr(Journal, "remove", lambda _: None)
    assert run_cli(*words).code == 0
    monkeypatch.undo()
    (tmp_path / "run/gallery/image/2007_000001.webp").unlink()
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("sys.argv", ["lit-samseg"])
    go_on(run_cli, words, whole, tmp_path, resumed=3)


def cut_by(count: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:-count]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        pytest.param(cut_by(1), 2, id="last byte lost"),
        pytest.param(cut_by(1000), 2, id="last record cut", marks=pytest.mark.slow),
        pytest.param(lambda content: content + content[:17], 3, id="next record begun", marks=pytest.mark.slow),
        pytest.param(lambda content: content + bytes(4096), 3, id="zeros behind", marks=pytest.mark.slow),
        pytest.param(
            lambda content: content + content[:48] + bytes(9), 3, id="only the head of the next", marks=pytest.mark.slow
        ),
        pytest.param(flip, 1, id="a bit turned"),
        pytest.param(lambda content: b"", 0, id="nothing written", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_journal(
    damage: Callable[[bytes], bytes],
    kept: int,
    interrupt: Interrupt,
    run_cli: RunCli,
    words: list[str],
    whole: Path,
    tmp_path: Path,
) -> None:
    interrupt(3)
    path = records_file(tmp_path / "run")
    path.write_bytes(damage(path.read_bytes()))
    go_on(run_cli, words, whole, tmp_path, resumed=kept)


@pytest.mark.parametrize("file", ["gallery.partial/labels/{}.webp", "predictions.partial/points/{}.png"])
@pytest.mark.parametrize(
    "content", [b"other", *(pytest.param(content, marks=pytest.mark.slow) for content in (None, b""))]
)
def test_an_image_whose_picture_is_not_whole_is_done_again(
    file: str,
    content: bytes | None,
    interrupt: Interrupt,
    run_cli: RunCli,
    words: list[str],
    whole: Path,
    tmp_path: Path,
) -> None:
    interrupt(3)
    path = tmp_path / "run" / file.format("2007_000001")
    path.unlink() if content is None else path.write_bytes(content)
    # As a process that was killed while it wrote leaves them.
    (path.parent / ".draft-1234.png").write_bytes(b"half")
    (tmp_path / "run/.draft-5678.json").write_bytes(b"half")
    go_on(run_cli, words, whole, tmp_path, resumed=2)


def test_a_full_disk_while_pictures_are_written(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    write = picture_writer.write_label_map

    def fail(path: Path, *arguments: Any) -> None:
        if path.stem == "2007_000002":
            raise OSError(28, "No space left on device", str(path))
        write(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(picture_writer, "write_label_map", fail)
        outcome = run_cli(*words)
    assert outcome.code == 2
    assert "No space left on device" in outcome.err
    assert "2 of 4 images are done and kept" in outcome.err
    go_on(run_cli, words, whole, tmp_path, resumed=2)


def test_a_full_disk_while_the_journal_is_written(
    monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    """The second record and what is tried after it come to be in part."""
    synchronised: list[int] = []

    def fail(handle: int) -> None:
        synchronised.append(handle)
        if len(synchronised) > 1:
            os.ftruncate(handle, os.fstat(handle).st_size - 100)
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(records.os, "fsync", fail)
        outcome = run_cli(*words)
    assert outcome.code == 2
    assert "0001-0000.records cannot be written (No space left on device); make room and go on" in outcome.err
    assert "1 of 4 images are done and kept" in outcome.err
    go_on(run_cli, words, whole, tmp_path, resumed=1)


def test_options_that_change_no_number_may_differ(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, small_voc: SmallVoc, tmp_path: Path
) -> None:
    interrupt(2)
    moved = tmp_path / "moved"
    small_voc.root.rename(moved)
    words = [*words, f"--data.root={moved}", "--data.batch_size=3", "--data.num_workers=1", "--data.on_error=skip"]
    go_on(run_cli, words, whole, tmp_path, resumed=2)


def test_pictures_that_were_not_asked_for_before(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    """Numbers alone are not enough then: the images are done again."""
    interrupt(2, "--model.save_predictions=false")
    go_on(run_cli, words, whole, tmp_path, resumed=0)


def test_pictures_that_are_not_wanted_any_more(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], tmp_path: Path
) -> None:
    interrupt(2)
    outcome = run_cli(*words, "--gallery=false", "--model.save_predictions=false", "--resume=true")
    assert outcome.code == 0, outcome.err
    assert not {"gallery", "predictions", "gallery.partial", "predictions.partial", "journal"} & names(tmp_path / "run")
    assert results_of(tmp_path / "run")["resumed"] == 2


def test_a_skipped_image_is_looked_at_again(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, small_voc: SmallVoc, tmp_path: Path
) -> None:
    path = small_voc.base / "JPEGImages/2007_000000.jpg"
    image = path.read_bytes()
    path.write_bytes(b"broken")
    assert interrupt(3, "--data.on_error=skip").code == 130
    path.write_bytes(image)
    go_on(run_cli, words, whole, tmp_path, resumed=2)


def test_predict(interrupt: Interrupt, run_cli: RunCli, words: list[str], tmp_path: Path) -> None:
    words = ["predict", *(word for word in words[1:] if word.partition("=")[0] not in ("--gallery", "--report"))]
    undisturbed = tmp_path / "undisturbed"
    assert run_cli(*words, f"--output_dir={undisturbed}").code == 0
    with pytest.MonkeyPatch.context() as patch:
        draw = picture_writer.draw_overlay
        drawn: list[int] = []

        def fail(*arguments: Any) -> Any:
            drawn.append(1)
            # Three rows an image.
            if len(drawn) > 6:
                raise OSError(28, "No space left on device")
            return draw(*arguments)

        patch.setattr(picture_writer, "draw_overlay", fail)
        assert run_cli(*words).code == 2
    done = len(Journal(tmp_path / "run").records())
    assert 1 <= done <= 2
    outcome = run_cli(*words, "--resume=true")
    assert outcome.code == 0, outcome.err
    assert f"{done} of 4 images are done already" in outcome.err
    theirs, ours = ({str(path.relative_to(f)) for path in f.rglob("*")} for f in (undisturbed, tmp_path / "run"))
    assert ours == theirs
    for name in (name for name in ours if name.endswith((".png", ".jpg"))):
        assert np.array_equal(np.array(Image.open(undisturbed / name)), np.array(Image.open(tmp_path / "run" / name)))
