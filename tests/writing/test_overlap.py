"""Images counted and drawn by threads while the next ones are computed: the same files, errors and ends."""

import threading
from pathlib import Path
from typing import Any

import pytest

from lit_samseg.errors import InputError
from lit_samseg.evaluation.scoring import Scoring
from lit_samseg.gallery import store
from lit_samseg.journal import Journal
from lit_samseg.writing import gallery
from tests.writing.conftest import work_beside
from tests.writing.small_run import SmallRun

FAILING = "2007_000002"


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch, in_turn: None) -> set[str]:
    """Work beside the networks, and note which threads count and draw."""
    work_beside(monkeypatch, 4)
    seen: set[str] = set()
    count = Scoring.count

    def counted(*given: Any) -> Any:
        seen.add(f"count {threading.current_thread().name[:6]}")
        return count(*given)

    def drawn(*given: Any) -> None:
        seen.add(f"draw {threading.current_thread().name[:6]}")
        store.write_entry(*given)

    monkeypatch.setattr(Scoring, "count", counted)
    monkeypatch.setattr(gallery, "write_entry", drawn)
    return seen


def numbers_and_pictures(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".json", ".html", ".yaml"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_all_is_the_same_to_the_byte(small: SmallRun, whole: Path, threads: set[str]) -> None:
    small.run()
    assert threads == {"count beside", "draw beside"}
    expected = numbers_and_pictures(whole)
    assert {"counts.npz", "boundary.npz", "per_image.csv", "gallery/labels/2007_000000.webp"} <= expected.keys()
    assert numbers_and_pictures(small.folder) == expected


def test_an_image_that_cannot_be_counted_ends_the_run_and_is_not_taken_down(
    small: SmallRun, monkeypatch: pytest.MonkeyPatch, whole: Path
) -> None:
    count = Scoring.count

    def fail(scoring: Scoring, sample: Any, maps: Any) -> Any:
        if sample.id == FAILING:
            raise InputError(f"metric of the test, image {sample.id}: no")
        return count(scoring, sample, maps)

    with monkeypatch.context() as patch:
        patch.setattr(Scoring, "count", fail)
        with pytest.raises(InputError, match=f"image {FAILING}: no"):
            small.run()
    assert sorted(Journal(small.folder).records()) == ["2007_000000", "2007_000001"]
    small.run(resume=True)
    assert numbers_and_pictures(small.folder) == numbers_and_pictures(whole)


def test_a_picture_that_cannot_be_drawn_ends_the_run(small: SmallRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gallery, "write_entry", full)
    with pytest.raises(OSError, match="No space left"):
        small.run()
    assert not Journal(small.folder).records()


def test_what_was_begun_is_kept_after_an_interruption(small: SmallRun, whole: Path, threads: set[str]) -> None:
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        small.run(3)
    assert len(Journal(small.folder).records()) == 3
    assert set(threading.enumerate()) == before
    small.run(resume=True)
    assert numbers_and_pictures(small.folder) == numbers_and_pictures(whole)
