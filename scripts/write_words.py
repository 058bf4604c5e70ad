"""Writes the lists of rows' words into the documentation: docs/words.md, and the table of docs/variants.md."""

import re
from pathlib import Path

from lit_samseg.refine.word_list import long_list, short_table

PROJECT = Path(__file__).parent.parent
TABLE = re.compile(r"\| part \| words \|\n(?:\|.*\n)+")


def main() -> None:
    """Write both."""
    (PROJECT / "docs/words.md").write_text(long_list(), encoding="utf-8")
    page = PROJECT / "docs/variants.md"
    text, count = TABLE.subn(lambda _: short_table(), page.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{page.name} has {count} tables of words; it should have one")
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
