"""Phrases as numbers, without a stored vocabulary: words and their parts fall into numbered buckets."""

import re
import zlib

BUCKETS = 2048
"""Rows of a table of embeddings."""
MOST_WORDS = 32
"""Words of the longest phrase that is read."""

_WORD = re.compile(r"[^\W\d_]+")


def words_of(phrase: str) -> list[str]:
    """Return the words of a phrase in lower case; whatever is no letter parts them."""
    return _WORD.findall(phrase.lower())


def buckets_of(word: str) -> list[int]:
    """Return where a word's parts fall: the whole word first, then its trigrams, marked at both ends.

    A word that no training showed has parts that others have: ``balls`` shares three with ``ball``. (Bojanowski et al.,
    2017.) CRC-32 is the same on every machine, which Python's own hash of a text is not.
    """
    marked = f"<{word}>"
    parts = [marked, *(marked[start : start + 3] for start in range(len(marked) - 2))]
    return [zlib.crc32(part.encode()) % BUCKETS for part in parts]
