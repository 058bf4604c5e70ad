"""A table of words, and the ways it can be shown: on a terminal, as Markdown, LaTeX (booktabs) and CSV."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lit_samseg.runtime.atomic import atomic_file

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class TextTable:
    """A table.

    Attributes:
        title: One line.
        header: The columns' names.
        rows: Cells, as many as columns; the first is a name, the others are set to the right.
        notes: Lines below the table.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        """Return the table in GitHub's Markdown."""
        lines = [f"**{self.title}**", "", _pipes(self.header), _pipes(["---", *["---:"] * (len(self.header) - 1)])]
        lines += [_pipes([cell.replace("|", "\\|") for cell in row]) for row in self.rows]
        lines += [line for note in self.notes for line in ("", note)]
        return "\n".join(lines) + "\n"

    def latex(self) -> str:
        """Return a ``table`` environment; it needs the package booktabs."""
        columns = "l" + "r" * (len(self.header) - 1)
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escape(self.title)}}}",
            rf"\begin{{tabular}}{{{columns}}}",
        ]
        cells = [[row[0], *map(_with_minus, row[1:])] for row in self.rows]
        lines += [r"\toprule", _ampersands(self.header), r"\midrule", *map(_ampersands, cells), r"\bottomrule"]
        lines += [r"\end{tabular}", *(rf"\par\footnotesize {_escape(note)}" for note in self.notes), r"\end{table}"]
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """Return the header and the rows as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.header, *self.rows])
        return text.getvalue()

    def print(self) -> None:
        """Print the table to standard output; a terminal that is too narrow wraps its lines, but nothing is cut off."""
        table = Table(title=self.title, title_justify="left", box=SIMPLE_HEAD)
        for index, name in enumerate(self.header):
            table.add_column(Text(name), justify="right" if index else "left", no_wrap=True)
        for row in self.rows:
            # Text, not markup: a name may hold brackets.
            table.add_row(*map(Text, row))
        console = Console()
        needed = Console(width=10_000).measure(table).maximum
        Console(width=max(console.width, needed)).print(table, soft_wrap=True)
        for note in self.notes:
            console.print(Text(note, style="dim"))


def write_tables(tables: Sequence[TextTable], folder: Path, stem: str) -> None:
    """Write tables as ``STEM.md``, ``STEM.tex`` and ``STEM.csv``; in the last each follows its title."""
    texts = {
        "md": "\n".join(table.markdown() for table in tables),
        "tex": "% \\usepackage{booktabs}\n" + "\n".join(table.latex() for table in tables),
        "csv": "\n".join(f"{_quoted(table.title)}\n{table.csv()}" for table in tables),
    }
    for suffix, text in texts.items():
        with atomic_file(folder / f"{stem}.{suffix}") as draft:
            draft.write_text(text, encoding="utf-8")


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: Sequence[str]) -> str:
    line = " & ".join(map(_escape, cells))
    # What follows the end of a line in such a bracket is taken for the space between lines.
    return ("{}" if line.startswith(("[", "*")) else "") + line + r" \\"


def _with_minus(cell: str) -> str:
    """Put the sign for minus where a number has a hyphen; that of a name, as in ``img-5``, stays."""
    return re.sub(r"(?<![\w.)-])-(?=\d)", MINUS, cell)


def _escape(text: str) -> str:
    special = {character: f"\\{character}" for character in "&%$#_{}"}
    special |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", MINUS: "$-$"}
    special |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    return "".join(special.get(character, character) for character in text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
