"""A share of a run's images, evaluated by a command of its own."""

import re
from dataclasses import dataclass

from lit_samseg.errors import InputError

_MOST = 9999
"""Numbers of shards that names of journal files have room for."""


@dataclass(frozen=True)
class Shard:
    """One of several shares of a run's images; they may run at the same time, on machines that share a disk.

    Attributes:
        number: From 1.
        count: How many there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``K/N``.

        Raises:
            InputError: It is none.
        """
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]) <= _MOST:
            raise InputError(f"--shard is {text!r}; give K/N, such as 2/8: the second of eight shares of the images")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        """Return it as a sentence has it."""
        return f"shard {self.number} of {self.count}"
