"""Skips what cannot be emulated here."""

from collections.abc import Iterator

import pytest

from tests.emulation.meter import Meter


@pytest.fixture
def gpu() -> Iterator[Meter]:
    """Have an emulated GPU during a test."""
    from tests.emulation.driver import emulated, why_not

    if reason := why_not():
        pytest.skip(f"no emulated GPU: {reason}")
    with emulated() as meter:
        yield meter
