"""A run in shards, each a command of its own, ends with the files of an undisturbed one."""

from pathlib import Path

import pytest

from lit_samseg.journal import FolderLock, Journal
from lit_samseg.runtime.shard import Shard
from tests.conftest import RunCli, refuses
from tests.forked import Forked
from tests.resume.comparing import assert_same


def test_shards_in_any_order_are_one_run(words: list[str], whole: Path, run_cli: RunCli, tmp_path: Path) -> None:
    run = tmp_path / "run"
    counted = [0]
    for number in (3, 1, 2):
        outcome = run_cli(*words, "--resume=true", f"--shard={number}/3")
        assert outcome.code == 0, outcome.err
        counted.append(Journal(run).count())
        assert f"shard {number} of 3 is done, {counted[-1]} of 4 images in all" in outcome.err
        assert "Written to" not in outcome.out
        assert not (run / "results.json").exists()
        assert not list(run.glob(".lock*"))
    # Each has one image or two.
    assert counted[-1] == 4
    assert counted == sorted(set(counted))
    outcome = run_cli(*words, "--resume=true")
    assert outcome.code == 0, outcome.err
    assert "4 of 4 images are done already" in outcome.err
    assert_same(run, whole)


def test_shards_at_the_same_time(words: list[str], whole: Path, run_cli: RunCli, tmp_path: Path) -> None:
    commands = [Forked([*words, "--resume=true", f"--shard={number}/2"]) for number in (1, 2)]
    for command in commands:
        _, errors = command.communicate(timeout=120)
        assert command.returncode == 0, errors
    assert Journal(tmp_path / "run").count() == 4
    assert run_cli(*words, "--resume=true").code == 0
    assert_same(tmp_path / "run", whole)


def test_what_a_shard_left_undone_the_whole_run_does(
    words: list[str], whole: Path, run_cli: RunCli, tmp_path: Path
) -> None:
    assert run_cli(*words, "--resume=true", "--shard=1/2").code == 0
    # A shard that was done already has nothing to do.
    assert run_cli(*words, "--resume=true", "--shard=1/2").code == 0
    assert Journal(tmp_path / "run").count() == 2
    assert run_cli(*words, "--resume=true").code == 0
    assert_same(tmp_path / "run", whole)


def test_a_shard_and_the_whole_run_keep_apart(words: list[str], run_cli: RunCli, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    held = FolderLock(run, shard=Shard(2, 2))
    held.acquire()
    outcome = run_cli(*words, "--resume=true")
    assert (outcome.code, "is being written by process" in outcome.err) == (2, True)
    assert not (run / ".lock").exists()
    # Another shard may.
    assert run_cli(*words, "--resume=true", "--shard=1/2").code == 0
    outcome = run_cli(*words, "--resume=true", "--shard=2/2")
    assert (outcome.code, "is being written by process" in outcome.err) == (2, True)
    held.release()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--shard=1/2"], "--shard needs --resume true"),
        (["--shard=3/2", "--resume=true"], "--shard is '3/2'; give K/N"),
        (["--shard=half", "--resume=true"], "--shard is 'half'; give K/N"),
        (["--shard=1/2", "--resume=true", "--trainer.fast_dev_run=true"], "leave out trainer.limit_*"),
    ],
)
def test_what_a_shard_cannot_have(
    more: list[str], said: str, words: list[str], run_cli: RunCli, tmp_path: Path
) -> None:
    outcome = run_cli(*words, *more)
    assert (outcome.code, said in outcome.err) == (2, True), outcome.err
    assert not Journal(tmp_path / "run").exists()


def test_a_shard_of_other_options_is_refused(words: list[str], run_cli: RunCli) -> None:
    assert run_cli(*words, "--resume=true", "--shard=1/2").code == 0
    outcome = run_cli(*words, "--resume=true", "--shard=2/2", "--model.variants=[points]")
    assert (outcome.code, "is of another run" in outcome.err) == (2, True)


def test_shards_are_read() -> None:
    assert Shard.parse(" 2/8 ") == Shard(2, 8)
    assert str(Shard(2, 8)) == "shard 2 of 8"
    for text in ("0/2", "2", "a/b", "1/10000", "-1/2"):
        refuses(lambda text=text: Shard.parse(text), text, "K/N")  # type: ignore[misc]
