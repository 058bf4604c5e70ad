"""The documentation's lists of words are those of the parts."""

import re

from lit_samseg.refine import PARTS
from lit_samseg.refine.word_list import long_list, own_words, short_table
from tests.conftest import PROJECT


def test_the_documentation_has_the_parts_words() -> None:
    assert (PROJECT / "docs/words.md").read_text(encoding="utf-8") == long_list()
    (table,) = re.findall(
        r"\| part \| words \|\n(?:\|.*\n)+", (PROJECT / "docs/variants.md").read_text(encoding="utf-8")
    )
    assert table == short_table()


def test_every_word_and_option_is_in_the_list() -> None:
    page = long_list()
    for word, kind in own_words():
        assert f"| `{word}` |" in page
        for name in kind().options():
            assert f"{name} = " in page or f"**{name}** = " in page
    assert {word for word, _ in own_words()} <= set(PARTS)
    assert len(own_words()) > 25
