"""``pytest -p tests.emulation.plugin``: all tests see an emulated GPU, as on a machine that has one.

Networks that tests trace (``torch.jit.trace``, in tests/baselines/test_exported.py) cannot be traced on it.
"""

from collections.abc import Iterator

import pytest

from tests.emulation.driver import emulated, why_not


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Iterator[None]:
    """Put it in place before anything asks for it."""
    if reason := why_not():
        raise pytest.UsageError(f"no emulated GPU: {reason}")
    gpu = emulated()
    gpu.__enter__()
    session.config.add_cleanup(lambda: gpu.__exit__(None, None, None))
    return (yield)
