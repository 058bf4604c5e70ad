"""Reads a report's HTML back, with the standard library's parser only."""

from html.parser import HTMLParser
from pathlib import Path


class ReportText(HTMLParser):
    """Tables by caption, headings, attributes and the text of everything.

    Attributes:
        tables: Rows of cells by caption; the header is the first row.
        headings: Texts of ``h1``, in order.
        tags: Every start tag with its attributes.
        text: All text outside of scripts and styles.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("meta", "link", "input", "img", "source", "br", "wbr"):
            return
        self._inside.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag == "h1":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass
        if tag == "table":
            assert self._caption not in self.tables
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self._inside):
            return
        self.text += data
        if "caption" in self._inside:
            self._caption += data
        elif {"td", "th"} & set(self._inside):
            self._rows[-1][-1] += data
        elif "h1" in self._inside:
            self.headings[-1] += data

    def records(self, caption: str) -> dict[str, dict[str, str]]:
        """Return the table of that caption, or whose caption begins so, as cells by first column and header."""
        begun = [rows for title, rows in self.tables.items() if title.startswith(caption)]
        (found,) = [self.tables[caption]] if caption in self.tables else begun
        header, *rows = found
        return {row[0]: dict(zip(header, row, strict=True)) for row in rows}
