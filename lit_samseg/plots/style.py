"""How plots look, and how they become SVG for a page that may be light or dark."""

import io
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#101418"
"""Text and axes; replaced where the page is dark."""

RULE = "#d6d9dd"
"""Grid lines; replaced where the page is dark."""

DARK = {INK: "#e8e6e3", RULE: "#3d4248"}

VERDICT_COLOURS = {"better": "#0a8f6a", "worse": "#d55e00", "no evidence": "#7f8790", "too few images": "#7f8790"}

ROW_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8f6bd1", "#a0522d", "#708238")
"""Okabe and Ito's colours (told apart by people who see no red or green), and three more; they come round again."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")

WIDTH = 5.0
"""Inches: half a page of a report, and a phone held upright."""


@contextmanager
def plotting() -> Iterator[None]:
    """Set the style within the block; make and save figures inside.

    A dollar sign in a name is no formula. Where a font lacks a letter, files for print have a box; in SVG text stays
    text, and the viewer's fonts have it.
    """
    style: dict[Any, Any] = {
        "font.size": 9.5,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.constrained_layout.use": True,
        "grid.color": RULE,
        "legend.frameon": False,
        "pdf.fonttype": 42,
        "savefig.dpi": 300,
        "svg.fonttype": "none",
        "svg.hashsalt": "lit_samseg",
        "text.color": INK,
        "text.parse_math": False,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with mpl.rc_context(), warnings.catch_warnings():
        # Not as the user's own settings have it: a page is the same everywhere, and needs no LaTeX.
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def new_figure(height: float) -> tuple[Figure, Axes]:
    """Return an empty figure of the common width, ``height`` in inches, and its axes."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.add_subplot()


def row_colour(index: int) -> str:
    """Return the colour of the row at a position; the baseline, at 0, is ink."""
    return ROW_COLOURS[(index - 1) % len(ROW_COLOURS)] if index else INK


def one_line(name: str) -> str:
    """Return a name as one line that every format can hold.

    Control characters have no place in XML, and half of a surrogate pair (a file's name that is no UTF-8) none in any
    file.
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())


def axis_label(name: str, longest: int = 28) -> str:
    """Return a name as one line that leaves room for the plot beside it."""
    line = one_line(name)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def row_label(name: str, longest: int = 46) -> str:
    """Return a row's name as it fits beside a plot: of a long one, with paths of parts, both ends."""
    line, half = one_line(name), longest // 2
    return line if len(line) <= longest else f"{line[:half]}…{line[1 - half :]}"


def row_lines(name: str, longest: int = 26) -> str:
    """Return a row's name as one line or two, broken where parts begin; of a line that is longer still, both ends."""
    line = one_line(name)
    if len(line) <= longest:
        return line
    breaks = [place for place, letter in enumerate(line) if letter in "@/" and place]
    if not breaks:
        return row_label(line, longest)
    # The lines that need least room.
    best = min(breaks, key=lambda place: max(place, len(line) - place))
    return "\n".join(row_label(part, longest) for part in (line[:best], line[best:]))


def two_lines(name: str, longest: int = 24) -> str:
    """Return a name as one line or two, broken between words; of what is longer still, both ends."""
    lines = textwrap.wrap(one_line(name), longest)
    return "\n".join(lines) if len(lines) <= 2 else row_label(name, longest + longest // 2)


def svg(figure: Figure) -> tuple[str, str]:
    """Return a figure as SVG for light and for dark pages; the same figure gives the same text."""
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    light = re.sub(r"^<\?xml.*?<svg", "<svg", text.getvalue(), count=1, flags=re.DOTALL)
    dark = light
    for colour, other in DARK.items():
        dark = dark.replace(colour, other)
    return light, dark
