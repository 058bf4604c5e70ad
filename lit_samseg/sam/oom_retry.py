"""As many at once as the device's memory holds: after an out-of-memory error half as many, for good."""

import gc
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from lit_samseg.errors import InputError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

SAM_REMEDY = "set --data.batch_size 1 or --model.sam.precision bf16, take a smaller SAM"


class Halving:
    """Gives work to a network in chunks that fit into the device's memory.

    What fits depends on the network, the card and who else uses it, so it is found by trying: a chunk that does not fit
    is tried again as two halves, and no later one is larger. On a GPU the last bits of a result may depend on the size
    of its chunk, as they do on what else is asked.

    Args:
        network: Name of the network, for messages.
        what: What the items are, in the plural: ``images``, ``prompts``.
        kind: What the network is, for messages.
        remedy: What to do where not even one fits, for messages.

    Attributes:
        most: Items that fit as far as is known; None while nothing failed.
    """

    def __init__(self, network: str, what: str, kind: str = "SAM", remedy: str = SAM_REMEDY) -> None:
        self.network, self.what, self.remedy = f"{kind} {network}", what, remedy
        self.most: int | None = None

    def run(self, items: Sequence[Item], at_once: int, work: Callable[[Sequence[Item]], None]) -> None:
        """Call ``work`` with all items, chunk by chunk and in their order.

        Args:
            items: The items; there may be none.
            at_once: Size of a chunk where the memory suffices.
            work: Keeps its results itself, once all of a chunk's are there: of a failed call nothing may be left.

        Raises:
            InputError: The memory does not hold a single item's work.
        """
        done = 0
        while done < len(items):
            chunk = items[done : done + min(at_once, self.most or at_once)]
            if self._fits(chunk, work):
                done += len(chunk)
            else:
                # Only here, after the error and its traceback are gone, are the failed attempt's tensors free.
                self._halve(len(chunk))

    def _fits(self, chunk: Sequence[Item], work: Callable[[Sequence[Item]], None]) -> bool:
        try:
            work(chunk)
        except torch.OutOfMemoryError as error:
            if len(chunk) > 1:
                return False
            raise InputError(
                f"{self.network} does not fit into the device's memory, not even one of its {self.what} at once; "
                f"{self.remedy}, or end other programs on the device ({_first_line(error)})"
            ) from error
        return True

    def _halve(self, size: int) -> None:
        self.most = size // 2
        logger.warning(
            "%s: %d %s at once do not fit into the device's memory; the run goes on with %d",
            *(self.network, size, self.what, self.most),
        )
        # A traceback in a reference cycle is freed by the collector alone.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _first_line(error: BaseException) -> str:
    # torch goes on with sentences on its allocator.
    return str(error).strip().partition("\n")[0].partition(". ")[0] or type(error).__name__
