"""Words about the data set among others."""

from collections.abc import Sequence


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part a command line into words that are not about the data set, and ``--data`` words with their values."""
    others: list[str] = []
    about_data: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not (word == "--data" or word.startswith(("--data.", "--data="))):
            others.append(word)
            continue
        about_data.append(word)
        if "=" not in word and rest and not rest[0].startswith("--"):
            about_data.append(rest.pop(0))
    return others, about_data
