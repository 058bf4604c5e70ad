"""How torch's threads wait for work: spinning, or asleep. Decided before torch is imported, which reads it once."""

from collections.abc import MutableMapping

WAITING: dict[str, str] = {}
"""What is set where the user set none of `SETTINGS`: nothing. Threads that sleep halve the time beside a busy program
and are slower alone (``scripts/benchmark_waiting.py``; figures in docs/speed.md)."""

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""What OpenMP and its libraries (GNU's, Intel's and LLVM's) know; any one of them is the user's choice."""


def choose_waiting(environment: MutableMapping[str, str]) -> None:
    """Add `WAITING` to a process's environment, unless its user chose.

    Args:
        environment: ``os.environ``; processes that this one starts have it too.
    """
    if not any(name in environment for name in SETTINGS):
        environment.update(WAITING)
