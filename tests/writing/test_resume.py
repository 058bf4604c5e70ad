"""However a run ends early, what it finished is kept, believed only where it is whole, and gone on with."""

import os
from pathlib import Path
from typing import Any

import pytest

from lit_samseg.journal import Journal, records
from lit_samseg.writing import Writer, pictures, writers_of_run
from lit_samseg.writing.report import ReportWriter
from tests.conftest import SmallVoc
from tests.recomputation import results_of
from tests.resume.comparing import assert_same
from tests.writing.small_run import SmallRun


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def interrupt(small: SmallRun, images: int, error: type[BaseException] = KeyboardInterrupt, **options: Any) -> None:
    with pytest.raises(error):
        small.run(images, error=error, **options)


def go_on(small: SmallRun, whole: Path, resumed: int, **options: Any) -> None:
    """Go on to the end, and compare with the undisturbed run."""
    small.run(resume=True, **options)
    assert_same(whole, small.folder)
    results = results_of(small.folder)
    assert results["resumed"] == resumed
    assert [process["images"] for process in results["processes"]] == [4 - resumed]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_ends_a_run_it_goes_on(
    small: SmallRun, whole: Path, error: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt(small, 3, error)
    assert names(small.folder) == {"journal", "gallery.partial", "predictions.partial"}
    said = f"3 of 4 images are done and kept; go on by the same command with --output_dir {small.folder} --resume true"
    assert said in capsys.readouterr().err
    go_on(small, whole, resumed=3)
    assert "3 of 4 images are done already" in capsys.readouterr().err


def test_unfinished_work_is_not_overwritten_by_chance(small: SmallRun, whole: Path) -> None:
    interrupt(small, 2)
    for plan in (small.plan(), small.plan(stopped_by="trainer.limit_test_batches")):
        with pytest.raises(Exception, match="an unfinished run, 2 of its images are done; go on with it by --resume"):
            small.run(plan=plan)
    # One that stops early keeps no journal, and would have cleared the pictures that the unfinished one counts on.
    assert len(list((small.folder / "predictions.partial/box@component").glob("*.png"))) == 2
    go_on(small, whole, resumed=2)


def test_unfinished_work_is_begun_again_where_that_is_said(small: SmallRun, whole: Path) -> None:
    interrupt(small, 2)
    small.run(overwrite=True)
    assert_same(whole, small.folder)
    assert results_of(small.folder)["resumed"] == 0


def test_interrupted_many_times(small: SmallRun, whole: Path) -> None:
    interrupt(small, 1)
    for _ in range(2):
        interrupt(small, 1, resume=True)
    assert len(list((small.folder / "journal").glob("*.records"))) == 3
    go_on(small, whole, resumed=3)


def test_nothing_to_go_on_with_begins(small: SmallRun, whole: Path) -> None:
    """So a batch system can give the same command again and again."""
    go_on(small, whole, resumed=0)


def test_ended_when_all_was_evaluated(small: SmallRun, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures and results have their final names then, and nothing is evaluated again."""

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ReportWriter, "publish", fail)
        interrupt(small, 4, report=True)
    assert {"journal", "gallery", "predictions", "results.json"} <= names(small.folder)
    go_on(small, whole, resumed=4)


def test_killed_before_the_journal_was_removed(small: SmallRun, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As before, and one of the published pictures is gone: the others move back and are kept."""
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "remove", lambda _: None)
        small.run()
    (small.folder / "gallery/image/2007_000001.webp").unlink()
    go_on(small, whole, resumed=3)


def test_a_damaged_journal(small: SmallRun, whole: Path) -> None:
    """A record that is not whole is of no image."""
    interrupt(small, 3)
    (path,) = (small.folder / "journal").glob("*.records")
    path.write_bytes(path.read_bytes()[:-1])
    go_on(small, whole, resumed=2)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("gallery.partial/labels/{}.webp", b"other"),
        ("predictions.partial/box@component/{}.png", None),
        ("predictions.partial/box@component/{}.png", b""),
    ],
)
def test_an_image_whose_picture_is_not_whole_is_done_again(
    file: str, content: bytes | None, small: SmallRun, whole: Path
) -> None:
    interrupt(small, 3)
    path = small.folder / file.format("2007_000001")
    path.unlink() if content is None else path.write_bytes(content)
    # As a process that was killed while it wrote leaves them.
    (path.parent / ".draft-1234.png").write_bytes(b"half")
    (small.folder / ".draft-5678.json").write_bytes(b"half")
    go_on(small, whole, resumed=2)


def test_a_full_disk_while_pictures_are_written(
    small: SmallRun, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is under a final name then."""
    write = pictures.write_label_map

    def fail(path: Path, *arguments: Any) -> None:
        if path.stem == "2007_000002":
            raise OSError(28, "No space left on device", str(path))
        write(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "write_label_map", fail)
        interrupt(small, 4, OSError)
    assert "2 of 4 images are done and kept" in capsys.readouterr().err
    assert names(small.folder) == {"journal", "gallery.partial", "predictions.partial"}
    go_on(small, whole, resumed=2)


def test_a_full_disk_while_the_journal_is_written(
    small: SmallRun, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
        with pytest.raises(Exception, match=r"0001-0000.records cannot be written \(No space left on device\); make r"):
            small.run()
    assert "1 of 4 images are done and kept" in capsys.readouterr().err
    assert not {"results.json", "gallery", "predictions"} & names(small.folder)
    go_on(small, whole, resumed=1)


def test_a_full_disk_while_results_are_written(small: SmallRun, whole: Path) -> None:
    class Full(Writer):
        def publish(self) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        small.run(writers=lambda run: [Full(run), *writers_of_run(run)])
    assert names(small.folder) == {"journal", "gallery.partial", "predictions.partial"}
    go_on(small, whole, resumed=4)


def test_images_may_have_moved_and_batches_be_others(small: SmallRun, whole: Path, tmp_path: Path) -> None:
    interrupt(small, 2)
    moved = small.voc._replace(root=small.voc.root.rename(tmp_path / "moved"))
    small = small._replace(voc=moved)
    go_on(small, whole, resumed=2, plan=small.plan(batch_size=3, on_error="skip"))


def test_pictures_that_were_not_asked_for_before(small: SmallRun, whole: Path) -> None:
    """Numbers alone are not enough then: the images are done again."""
    interrupt(small, 2, plan=small.plan(save=False))
    go_on(small, whole, resumed=0)


def test_pictures_that_are_not_wanted_any_more(small: SmallRun) -> None:
    interrupt(small, 2)
    small.run(plan=small.plan(save=False), gallery=False, resume=True)
    assert not {"gallery", "predictions", "gallery.partial", "predictions.partial", "journal"} & names(small.folder)
    assert results_of(small.folder)["resumed"] == 2


def test_a_skipped_image_is_looked_at_again(small: SmallRun, small_voc: SmallVoc, whole: Path) -> None:
    path = small_voc.base / "JPEGImages/2007_000000.jpg"
    image = path.read_bytes()
    path.write_bytes(b"broken")
    interrupt(small, 2, plan=small.plan(on_error="skip"))
    path.write_bytes(image)
    go_on(small, whole, resumed=2)


def test_a_predict_goes_on(small: SmallRun, tmp_path: Path) -> None:
    predict = small._replace(command="predict")
    undisturbed = predict._replace(folder=tmp_path / "undisturbed")
    undisturbed.run()
    interrupt(predict, 3)
    assert names(predict.folder) == {"journal", "overlays.partial", "predictions.partial"}
    predict.run(resume=True)
    theirs, ours = (
        {str(path.relative_to(run.folder)): path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
        for run in (undisturbed, predict)
    )
    assert ours == theirs
