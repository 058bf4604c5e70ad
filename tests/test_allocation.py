"""Freed memory is used again instead of being fetched, cleared, from the kernel."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, torch
from lit_samseg.runtime.allocation import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory() and keep_freed_memory()
def fetch():
    torch.ones(16 * 2**20 + 12345)
# The allocator holds the first few blocks of a size apart before it uses them again.
for _ in range(24):
    fetch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    fetch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
@pytest.mark.slow
def test_large_blocks_are_fetched_once() -> None:
    faults = {}
    for how in ("keep", "as it is"):
        command = [sys.executable, "-c", SCRIPT, how]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        faults[how] = int(done.stdout)
    # 8 times 64 MB are 131 072 pages of 4 KB.
    assert faults["keep"] < faults["as it is"] / 20


def test_other_allocators_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from lit_samseg.runtime.allocation import keep_freed_memory

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
