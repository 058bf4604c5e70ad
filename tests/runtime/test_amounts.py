"""Batches and readers where nobody said how many, on cards that the test makes up."""

import os
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lit_samseg.data import Scenes
from lit_samseg.journal import identity_of_run
from lit_samseg.runtime.amounts import images_at_once, pictures_together, readers, say_amounts, threads_beside
from tests.conftest import refuses

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = SimpleNamespace(name="NVIDIA Made-up", total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: made)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: made.name)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16), raising=False)
    return made


@pytest.mark.parametrize(
    ("gib", "images"), [(2, 1), (6, 1), (7.9, 1), (8, 2), (11.9, 2), (12, 4), (19.9, 4), (20, 8), (80, 8), (180, 8)]
)
def test_images_at_once_follow_from_a_cards_memory(card: Any, gib: float, images: int) -> None:
    card.total_memory = int(gib * 2**30)
    assert images_at_once(CUDA) == pictures_together(None, CUDA) == images
    assert images_at_once(CPU) == 1
    assert (pictures_together(None, CPU), pictures_together(3, CUDA)) == (4, 3)
    refuses(lambda: pictures_together(0, CPU), "batch_size is 0", "1 or more")


def test_readers_share_the_cores(card: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [readers(CUDA, processes) for processes in (1, 2, 4, 8, 16)] == [8, 7, 3, 1, 1]
    assert readers(CPU, 4) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert readers(CUDA, 1) == 3


def test_threads_beside_a_cpu_take_cores_that_are_free(card: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for torch_has, expected in ((16, 0), (20, 0), (15, 1), (13, 3), (8, 4)):
        monkeypatch.setattr(torch, "get_num_threads", lambda has=torch_has: has)
        assert threads_beside(CPU, 4) == expected
        assert threads_beside(CUDA, 4) == 4
        assert threads_beside(torch.device("mps"), 4) == 0


def scenes(**options: Any) -> Scenes:
    data = Scenes(size=2, **options)
    data.trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=CUDA), num_devices=4)  # type: ignore[assignment]
    return data


def test_they_are_said_once(card: Any, capsys: pytest.CaptureFixture[str]) -> None:
    say_amounts.cache_clear()
    data = scenes(num_workers=None)
    assert (data.batch_size, data.num_workers) == (8, 3)
    data.setup("test")
    scenes(num_workers=None).setup("test")
    told = "NVIDIA Made-up of 80 GiB takes 8 images at once, read ahead by 3 processes; --data.batch_size and "
    assert capsys.readouterr().err == f"lit-samseg: {told}--data.num_workers choose others\n"
    scenes(num_workers=0).setup("test")
    assert "takes 8 images at once; --data.batch_size" in capsys.readouterr().err
    say_amounts.cache_clear()
    asked = scenes(batch_size=3, num_workers=0)
    asked.setup("test")
    assert (asked.batch_size, asked.num_workers) == (3, 0)
    assert Scenes(size=2).batch_size == 1
    assert capsys.readouterr().err == ""


def test_a_gpus_numbers_depend_on_the_batch(card: Any) -> None:
    def device_of(device: torch.device, together: int) -> Any:
        return identity_of_run("test", {}, {}, ["a"], device, together=together)["device"]

    assert device_of(CUDA, 4) == {"kind": "cuda", "name": card.name, "batch_size": 4}
    assert device_of(CPU, 4) == device_of(CPU, 1)
    card.name = "NVIDIA Other"
    assert device_of(CUDA, 4)["name"] == "NVIDIA Other"
