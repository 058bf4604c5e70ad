"""The processes that share a run's images, as far as what is written needs them."""

from typing import Protocol, TypeVar

T = TypeVar("T")


class Processes(Protocol):
    """This process among all; every method but the properties is called by all of them, in the same order."""

    @property
    def rank(self) -> int:
        """This process's number; the first is 0."""

    @property
    def count(self) -> int:
        """How many there are."""

    def barrier(self) -> None:
        """Wait until all are here."""

    def broadcast(self, value: T) -> T:
        """Return the first process's value."""

    def gather(self, value: T) -> list[T]:
        """Return every process's value, in the order of their numbers."""


class OneProcess:
    """The only process of a run."""

    rank = 0
    count = 1

    def barrier(self) -> None:
        """Go on: there is nobody to wait for."""

    def broadcast(self, value: T) -> T:
        """Return the value."""
        return value

    def gather(self, value: T) -> list[T]:
        """Return the value alone."""
        return [value]
