"""Names of any kind as text that fits its place."""

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from lit_samseg.plots.style import one_line
from lit_samseg.results.run_tables import points

SMALLEST = 5.0
"""Points; smaller text is not read in print."""

LONGEST = 120
"""Letters of a name at most, before it is fitted."""


def plain(text: str) -> str:
    """Return a name as one line of at most ``LONGEST`` letters."""
    line = one_line(text)
    return line if len(line) <= LONGEST else _cut(line, LONGEST)


def change(difference: float) -> str:
    """Return a difference of fractions in points, in parentheses and with the sign that print has for minus."""
    return f"({points(difference).replace('-', chr(0x2212))})"


def text_width(text: str, size: float) -> float:
    """Return the width in inches of a line of text, ``size`` in points; call it within ``plotting()``."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)
    return float(width) / 72


def fitted(text: str, size: float, width: float) -> tuple[str, float]:
    """Make a name fit: first smaller, then without its middle, for ids differ at their ends.

    Args:
        text: Anything.
        size: In points, as large as it may be.
        width: In inches.

    Returns:
        The text, and its size in points.
    """
    text = plain(text)
    needed = text_width(text, size)
    if needed <= width:
        return text, size
    size = max(SMALLEST, size * width / needed)
    letters = len(text)
    while text_width(text, size) > 1.001 * width and letters > 1:
        letters -= 1
        text = _cut(text, letters)
    return text, size


def _cut(text: str, letters: int) -> str:
    """Return ``letters`` of a longer text, an ellipsis in place of its middle."""
    head, tail = letters // 2, (letters - 1) // 2
    return f"{text[:head]}…{text[len(text) - tail :]}"
