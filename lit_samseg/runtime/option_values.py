"""Other values in the place of an option's, on a command line that is not parsed yet."""

from collections.abc import Callable, Sequence
from itertools import zip_longest


def replace_values(words: Sequence[str], replace: Callable[[str, str], str | None]) -> list[str]:
    """Return a command line with some options' values replaced.

    Args:
        words: The command line, with ``--option value`` and ``--option=value``.
        replace: Takes an option with its dashes, and its value; returns what is to take the value's place, or None. It
            is not asked where an option has no value.
    """
    written: list[str] = []
    pairs = iter(zip_longest(words, words[1:], fillvalue=""))
    for word, following in pairs:
        option, equals, value = word.partition("=")
        value = value if equals else following
        asked = option.startswith("-") and value and not value.startswith("-")
        other = replace(option, value) if asked else None
        if other is None:
            written.append(word)
            continue
        written += [f"{option}={other}"] if equals else [option, other]
        if not equals:
            next(pairs, None)
    return written
