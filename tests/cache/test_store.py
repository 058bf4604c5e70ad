"""The store holds its cap, trusts no file it cannot verify, and is shared by processes."""

import errno
import hashlib
import logging
import multiprocessing
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lit_samseg.cache import TensorStore
from lit_samseg.cache import store as store_module
from lit_samseg.errors import InputError

LARGE = 10**9


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def values(name: object, count: int = 50) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(int(key(name)[:8], 16))
    return {"x": torch.randn(count, generator=generator)}


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("??/*.safetensors") if not path.name.startswith("."))


def held(folder: Path) -> int:
    return sum(path.stat().st_size for path in entries(folder))


def size_of_one(folder: Path) -> int:
    TensorStore(folder, LARGE).put(key(0), values(0))
    return held(folder)


def test_what_was_put_is_found_by_it_and_by_a_later_process(tmp_path: Path) -> None:
    store = TensorStore(tmp_path / "new" / "folder", LARGE)
    assert store.get(key("a")) is None
    store.put(key("a"), values("a"))
    for one in (store, TensorStore(store.folder, LARGE)):
        found = one.get(key("a"))
        assert found is not None
        assert torch.equal(found["x"], values("a")["x"])
    assert [path.name for path in store.folder.rglob("*.*")] == [f"{key('a')}.safetensors"]


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    path.unlink()
    if how == "cut off":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "flipped":
        place = random.Random(1).randrange(len(whole) - 200, len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
    elif how == "empty":
        path.touch()
    elif how == "folder":
        (path / "inside").mkdir(parents=True)
    elif how == "renamed":
        store = TensorStore(path.parent.parent, LARGE)
        store.put(key("b"), values("b"))
        store.path(key("b")).rename(path)
    elif how == "link to nothing":
        path.symlink_to("nowhere")


@pytest.mark.parametrize("how", ["cut off", "flipped", "empty", "folder", "renamed", "link to nothing"])
def test_a_damaged_entry_is_a_miss_that_names_the_file_and_is_overwritten(
    how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = TensorStore(tmp_path, LARGE)
    store.put(key("a"), values("a"))
    path = store.path(key("a"))
    damage(path, how)
    assert store.get(key("a")) is None
    if how != "link to nothing":
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert str(path) in record.message
        assert "\n" not in record.message
    store.put(key("a"), values("a"))
    found = store.get(key("a"))
    assert found is not None
    assert torch.equal(found["x"], values("a")["x"])


def test_an_entry_that_may_not_be_read_is_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = TensorStore(tmp_path, LARGE)
    store.put(key("a"), values("a"))

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert store.get(key("a")) is None
    assert "Permission denied" in caplog.text


def test_another_users_entry_that_cannot_be_touched_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TensorStore(tmp_path, LARGE)
    store.put(key("a"), values("a"))

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    assert store.get(key("a")) is not None


@pytest.mark.parametrize("count", [3, 8, 30])
def test_the_cap_holds_after_every_put(count: int, tmp_path: Path) -> None:
    cap = count * size_of_one(tmp_path / "one")
    store = TensorStore(tmp_path / "many", cap)
    for n in range(4 * count):
        store.put(key(n), values(n))
        assert store.get(key(n)) is not None
        assert held(store.folder) <= cap
    assert held(store.folder) > cap // 2


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    one = size_of_one(tmp_path / "one")
    store = TensorStore(tmp_path / "many", 8 * one)
    for n in range(8):
        store.put(key(n), values(n))
        os.utime(store.path(key(n)), (1000 + n, 1000 + n))
    assert store.get(key(0)) is not None
    store.put(key("new"), values("new"))
    left = {n for n in range(8) if store.path(key(n)).exists()}
    assert left == {0, 3, 4, 5, 6, 7}


def test_an_entry_larger_than_the_cap_is_not_kept(tmp_path: Path) -> None:
    store = TensorStore(tmp_path, 1000)
    store.put(key("small"), values("small"))
    store.put(key("large"), values("large", 1000))
    assert entries(tmp_path) == [store.path(key("small"))]


def test_the_folder_is_not_scanned_at_every_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []
    listed = store_module._listed
    monkeypatch.setattr(store_module, "_listed", lambda folder: scans.append(folder) or listed(folder))
    one = size_of_one(tmp_path / "one")
    scans.clear()
    store = TensorStore(tmp_path / "many", 400 * one)
    for n in range(100):
        store.put(key(n), values(n))
    assert sum(folder == store.folder for folder in scans) <= 3


def test_only_its_own_files_are_ever_deleted(tmp_path: Path) -> None:
    """The first look at a full folder deletes entries and old drafts, nothing else."""
    one = size_of_one(tmp_path)
    strangers = ["letter.txt", "ab/letter.txt", "ab/x.safetensors", f"other/{key(1)}.safetensors", "ab/.hidden"]
    drafts = [f"ab/.{key(2)}.k3xq_8z1.safetensors", f"ab/.{key(3)}.ab_cdefg.safetensors"]
    for name in strangers + drafts:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 5000)
        os.utime(path, (1000, 1000))
    fresh = tmp_path / drafts[1]
    os.utime(fresh, (time.time() - 3600,) * 2)
    new = key("new")
    TensorStore(tmp_path, one).put(new, values("new"))
    assert entries(tmp_path) == sorted(tmp_path / path for path in ("ab/x.safetensors", f"{new[:2]}/{new}.safetensors"))
    assert all((tmp_path / name).exists() for name in strangers)
    assert not (tmp_path / drafts[0]).exists()
    assert fresh.exists()


def test_a_full_disk_is_reported_once_and_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = TensorStore(tmp_path, LARGE)

    def refuse(path: Path, data: bytes) -> None:
        path.open("wb").close()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        store.put(key("a"), values("a"))
        store.put(key("b"), values("b"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "No space left on device" in caplog.text
    assert list(tmp_path.rglob("*.*")) == []
    store.put(key("a"), values("a"))
    assert store.get(key("a")) is not None


def test_a_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    store = TensorStore(tmp_path / "cache", LARGE)
    store.put(key("a"), values("a"))
    store.path(key("a")).unlink()
    store.path(key("a")).parent.rmdir()
    store.folder.rmdir()
    assert store.get(key("a")) is None
    store.put(key("a"), values("a"))
    assert store.get(key("a")) is not None


@pytest.mark.parametrize("inside", ["", "below"])
def test_a_file_in_the_folders_place_is_said_at_once(inside: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cache_dir .*file.* cannot be written") as raised:
        TensorStore(tmp_path / "file" / inside, LARGE)
    assert "\n" not in str(raised.value)


def hammer(folder: Path, cap: int, seed: int, seconds: float, outcome: Any) -> None:
    """Read and write random entries; report what was wrong, and how much was right."""
    try:
        chance, store = random.Random(seed), TensorStore(folder, cap)
        found, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            name = chance.randrange(40)
            tensors = store.get(key(name))
            if tensors is None:
                store.put(key(name), values(name))
            elif not torch.equal(tensors["x"], values(name)["x"]):
                outcome.put(f"wrong tensors for {name}")
                return
            else:
                found += 1
            if chance.random() < 0.02 and store.path(key(name)).exists():
                # What a crash of the machine may leave behind.
                store.path(key(name)).write_bytes(b"damaged")
        outcome.put(found)
    except BaseException as error:
        outcome.put(repr(error))


def test_processes_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    cap = 10 * size_of_one(tmp_path / "one")
    context = multiprocessing.get_context("fork")
    outcome = context.Queue()
    processes = [context.Process(target=hammer, args=(folder, cap, seed, 1.5, outcome)) for seed in range(4)]
    for process in processes:
        process.start()
    outcomes = [outcome.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=60)
    assert all(isinstance(found, int) and found > 0 for found in outcomes), outcomes
    # Each further process may exceed the cap by an eighth and an entry.
    assert held(folder) <= cap + 3 * (cap // 8 + cap // 10)
    assert list(folder.rglob(".*")) == []
