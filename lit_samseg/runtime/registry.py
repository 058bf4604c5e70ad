"""Classes by the words that users write: this package's, those of installed packages, and any by its path."""

import difflib
import importlib
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from lit_samseg.errors import InputError

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


class Registry(Generic[T]):
    """The classes of one kind, by word.

    A word comes in by `register`, by an entry point of an installed package, or is a path itself:
    ``package.module:Name``. Entry points are imported when they are asked for.

    Args:
        what: What a class is, in messages: ``part of a row``.
        group: The entry points' group (https://packaging.python.org/specifications/entry-points).
        base: What every class must be derived from.
    """

    def __init__(self, what: str, group: str, base: type[T]) -> None:
        self.what, self.group, self.base = what, group, base
        self._own: dict[str, type[T]] = {}

    def register(self, word: str) -> Callable[[Class], Class]:
        """Return a decorator that makes a class known by a word.

        Raises:
            ValueError: The word is another class's, or the class is of another kind.
        """

        def known(given: Class) -> Class:
            kind: type = given
            if not issubclass(kind, self.base):
                raise ValueError(f"{kind.__name__} is no {self.what}; derive it from {self.base.__name__}")
            was = self._own.get(word, kind)
            # Defined anew, as a notebook's cell does, it is the same class.
            if (was.__module__, was.__qualname__) != (kind.__module__, kind.__qualname__):
                raise ValueError(f"{word!r} is a {self.what} already: {was.__module__}:{was.__qualname__}")
            self._own[word] = kind
            return given

        return known

    @property
    def own(self) -> list[str]:
        """The words that were registered in this process, in the order of their definition."""
        return list(self._own)

    def __contains__(self, word: str) -> bool:
        return word in self._own or word in self._installed

    def __iter__(self) -> Iterator[str]:
        """Yield all words: this package's in the order of their definition, then those of others."""
        yield from self._own
        yield from (word for word in self._installed if word not in self._own)

    def find(self, word: str) -> type[T]:
        """Return the class that a word or a path means.

        Raises:
            InputError: There is none, or it is of another kind, or what it is in cannot be imported.
        """
        if word in self._own:
            return self._own[word]
        if word in self._installed:
            point = self._installed[word]
            return self._checked(self._load(word, point.value, point), point.value)
        if ":" in word:
            return self._checked(self._load(word, word, None), word)
        meant = difflib.get_close_matches(word, list(self), 1)
        hint = f"did you mean {meant[0]!r}?" if meant else "write package.module:Name for one of your own"
        raise InputError(f"{word!r} is no {self.what}; there are {', '.join(self)}; {hint}")

    @cached_property
    def _installed(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def _load(self, word: str, path: str, point: EntryPoint | None) -> object:
        module, _, name = path.partition(":")
        try:
            found: object = importlib.import_module(module) if point is None else point.load()
            if point is None:
                for step in name.split("."):
                    found = getattr(found, step)
        except Exception as error:
            # Whatever the code of others raises when it is imported.
            raise InputError(f"{self.what} {word!r} cannot be imported: {type(error).__name__}: {error}") from error
        return found

    def _checked(self, found: object, path: str) -> type[T]:
        if not (isinstance(found, type) and issubclass(found, self.base)):
            base = f"{self.base.__module__}.{self.base.__name__}"
            raise InputError(f"{path} is no {self.what}; it must be a class derived from {base}")
        return found
