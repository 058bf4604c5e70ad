"""Skips what cannot be emulated here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT, made_once, run_quietly
from tests.emulation.meter import Meter

TEST = (
    *("test", f"--config={PROJECT}/configs/demo.yaml", "--model.variants=[points]", "--data.size=1"),
    *("--report=false", "--gallery=false"),
)
"""A test of one image."""


@pytest.fixture
def gpu() -> Iterator[Meter]:
    """Have an emulated GPU during a test."""
    from tests.emulation.driver import emulated, why_not

    if reason := why_not():
        pytest.skip(f"no emulated GPU: {reason}")
    with emulated() as meter:
        yield meter


@pytest.fixture(scope="session")
def tested_on_cpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what that test writes on the CPU, in one process."""
    return made_once(
        tmp_path_factory,
        "tested_on_cpu",
        lambda folder: run_quietly(*TEST, "--trainer.accelerator=cpu", "--output_dir", folder) and None,
    )
