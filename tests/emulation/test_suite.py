"""The tests themselves run on machines with a GPU, and in folders of any name."""

from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer

from tests.conftest import PROJECT, pytest_collection_modifyitems
from tests.emulation.meter import Meter


def test_the_cpu_may_be_asked_for_where_there_is_a_gpu(gpu: Meter) -> None:
    # Lightning warns of it, and in tests warnings are errors.
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    assert trainer.num_devices == 1


@pytest.mark.parametrize("name", ["gpu", "real", "slow"])
def test_a_folder_of_that_name_is_no_marker(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collected(*marks: Any) -> pytest.Item:
        folder = pytest.Dir.from_parent(request.session, path=PROJECT / name)
        item: pytest.Item = pytest.Function.from_parent(folder, name="test", callobj=lambda: None)
        for mark in marks:
            item.add_marker(mark)
        pytest_collection_modifyitems([item])
        return item

    monkeypatch.setattr("tests.conftest.SHARED", Path("nowhere"))
    assert name in collected().keywords
    assert list(collected().iter_markers()) == []
    assert len(list(collected(getattr(pytest.mark, name)).iter_markers())) == 2
