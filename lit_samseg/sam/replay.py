"""Parts of a network that are computed once, where the network is asked twice about the same."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

_DIFFERENT = "the passes do not call the same modules; they cannot share what these compute"


class Replay:
    """Lets modules compute in a first pass, and has them answer in later passes what they answered in the first.

    A module may be called several times in a pass: its n-th answer is that of its n-th call. Answers are the very
    tensors of the first pass, with the gradients that they have, and so a backward pass through them is one too.
    """

    def __init__(self) -> None:
        self._answers: dict[nn.Module, list[Any]] = {}
        self._given: dict[nn.Module, int] = {}
        self._first = True

    def rewind(self) -> None:
        """End a pass: the next one gets the first one's answers.

        Raises:
            RuntimeError: A pass did not call the modules as often as the first one.
        """
        if not self._first and any(self._given[module] != len(own) for module, own in self._answers.items()):
            raise RuntimeError(_DIFFERENT)
        self._first, self._given = False, dict.fromkeys(self._answers, 0)

    def _heard(self, module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        self._answers[module] = []

        def answer(*args: Any, **kwargs: Any) -> Any:
            if self._first:
                self._answers[module].append(forward(*args, **kwargs))
                return self._answers[module][-1]
            number = self._given[module]
            if number >= len(self._answers[module]):
                raise RuntimeError(_DIFFERENT)
            self._given[module] += 1
            return self._answers[module][number]

        return answer


@contextmanager
def computed_once(modules: Iterable[nn.Module]) -> Iterator[Replay]:
    """Have modules compute in the first pass alone.

    All passes have the same inputs, which is not checked, and differ in what they make of the modules' answers.

    Args:
        modules: None of them a part of another.

    Yields:
        What is to be rewound between the passes, and after the last one.
    """
    replay, heard = Replay(), []
    try:
        for module in modules:
            # An attribute of the object hides the method of its class, and is taken away again.
            module.forward = replay._heard(module, module.forward)
            heard.append(module)
        yield replay
    finally:
        for module in heard:
            del module.forward
