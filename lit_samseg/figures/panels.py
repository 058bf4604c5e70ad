"""A plate drawn on a page's width: each panel in its own proportions."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.transforms import Affine2D

from lit_samseg.figures.lettering import fitted, text_width
from lit_samseg.figures.plate import Colour, Entry, Panel, Plate
from lit_samseg.plots.style import INK

WIDTH = 7.0
"""Inches: both columns of a paper."""

BOX_COLOUR = (0, 87, 255)
POINT_COLOUR, POINT_MARKER = (255, 214, 0), "o"
NEGATIVE_COLOUR, NEGATIVE_MARKER = (255, 255, 255), "X"

MARGIN, GAP = 0.02, 0.06
TALLEST = 1.75
"""Of a line of panels: portraits are drawn narrower than their column."""
SLIMMEST, WIDEST = 0.6, 3.0
"""Proportions beyond them get no more room beside others."""
THINNEST = 0.03
"""Of a panel's side: an image of one line is still seen."""
TITLE, SUBTITLE, CAPTION, ENTRY = 0.17, 0.13, 0.19, 0.17
"""Heights of lines of text."""
TITLE_SIZE, SMALL_SIZE = 8.0, 6.5
PATCH, BESIDE, BETWEEN = 0.13, 0.05, 0.16
"""Of the legend: a patch's width, the room to its name, and to the next."""


@dataclass(frozen=True)
class _Cell:
    """Room for a panel: its left edge and its width, and the size the panel takes in it; in inches."""

    left: float
    room: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        return self.left + self.room / 2


def draw_plate(plate: Plate, vector: bool) -> Figure:
    """Draw a figure; call it within ``plotting()``.

    Args:
        plate: What it shows.
        vector: Whether the file keeps every pixel of a picture; if not, those of photos are averaged where there is no
            room for all.
    """
    cells = [_divide(line, in_columns=bool(plate.titles)) for line in plate.lines]
    heights = [max(cell.height for cell in line) for line in cells]
    entries = _flow(plate.legend)
    titles = (TITLE + SUBTITLE * any(below for _, below in plate.titles)) if plate.titles else 0.0
    total = 2 * MARGIN + titles + sum(heights) + CAPTION * len(heights) + GAP + ENTRY * len(entries)
    figure = Figure(figsize=(WIDTH, total))
    figure.set_layout_engine("none")
    y = total - MARGIN
    for (title, below), cell in zip(plate.titles, cells[0], strict=False):
        _write(figure, title, TITLE_SIZE, cell, y - TITLE / 2)
        _write(figure, below, SMALL_SIZE, cell, y - TITLE - SUBTITLE / 2 + 0.01, alpha=0.75)
    y -= titles
    for line, places, height in zip(plate.lines, cells, heights, strict=True):
        for panel, cell in zip(line, places, strict=True):
            _place(figure, panel, cell, y - (height - cell.height) / 2, vector)
            _write(figure, panel.caption, SMALL_SIZE, cell, y - height - CAPTION / 2 + 0.01)
        y -= height + CAPTION
    y -= GAP
    for row in entries:
        for x, name, entry in row:
            _draw_entry(figure, x, y - ENTRY / 2, name, entry)
        y -= ENTRY
    return figure


def _divide(line: Sequence[Panel], in_columns: bool) -> list[_Cell]:
    """Share the page's width among panels of one height, by their proportions; without columns they stay together."""
    shares = [min(max(panel.aspect, SLIMMEST), WIDEST) for panel in line]
    room = WIDTH - 2 * MARGIN - GAP * (len(line) - 1)
    height = min(TALLEST, room / sum(shares))
    used = room if in_columns else height * sum(shares)
    cells, left = [], MARGIN + (room - used) / 2
    for panel, share in zip(line, shares, strict=True):
        own = used * share / sum(shares)
        width = min(height * panel.aspect, own)
        cells.append(_Cell(left, own, max(width, THINNEST), max(min(height, width / panel.aspect), THINNEST)))
        left += own + GAP
    return cells


def _place(figure: Figure, panel: Panel, cell: _Cell, top: float, vector: bool) -> None:
    total = figure.get_figheight()
    left, bottom = cell.centre - cell.width / 2, top - cell.height
    axes = figure.add_axes((left / WIDTH, bottom / total, cell.width / WIDTH, cell.height / total))
    axes.set_axis_off()
    interpolation = "none" if vector else "auto" if panel.is_photo else "nearest"
    axes.imshow(panel.pixels, interpolation=interpolation, aspect="auto")
    for x_min, y_min, x_max, y_max in panel.boxes:
        # Around the pixels, whose centres have whole numbers.
        corner, size = (x_min - 0.5, y_min - 0.5), (x_max - x_min + 1, y_max - y_min + 1)
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=_hex(BOX_COLOUR), linewidth=1.1, clip_on=False))
    for places, colour, marker in (
        (panel.points, POINT_COLOUR, POINT_MARKER),
        (panel.negative, NEGATIVE_COLOUR, NEGATIVE_MARKER),
    ):
        if places:
            axes.plot(
                *zip(*places, strict=True), linestyle="none", marker=marker, markersize=4.5, markeredgewidth=0.6,
                markerfacecolor=_hex(colour), markeredgecolor=INK, clip_on=False, scalex=False, scaley=False,
            )  # fmt: skip


def _write(figure: Figure, text: str, size: float, cell: _Cell, y: float, alpha: float = 1.0) -> None:
    # A little less, since letters snap to a printer's dots.
    text, size = fitted(text, size, 0.96 * cell.room)
    if text:
        figure.text(
            cell.centre / WIDTH, y / figure.get_figheight(), text, size=size, ha="center", va="center", alpha=alpha
        )


def _flow(entries: Sequence[Entry]) -> list[list[tuple[float, str, Entry]]]:
    """Set the legend's entries in centred lines: for each the place of its left edge, and its name as it is written."""
    lines: list[list[tuple[float, str, Entry]]] = []
    ends: list[float] = []
    for entry in entries:
        name, _ = fitted(entry.name, SMALL_SIZE, WIDTH / 3)
        needed = PATCH + BESIDE + text_width(name, SMALL_SIZE)
        if not lines or ends[-1] + BETWEEN + needed > WIDTH - 2 * MARGIN:
            lines.append([])
            ends.append(-BETWEEN)
        lines[-1].append((ends[-1] + BETWEEN, name, entry))
        ends[-1] += BETWEEN + needed
    return [
        [(x + (WIDTH - end) / 2, name, entry) for x, name, entry in line] for line, end in zip(lines, ends, strict=True)
    ]


def _draw_entry(figure: Figure, x: float, y: float, name: str, entry: Entry) -> None:
    total, height = figure.get_figheight(), 0.09
    colour = _hex(entry.colour)
    if entry.marker:
        _draw_marker(figure, x + PATCH / 2, y, entry)
        figure.text((x + PATCH + BESIDE) / WIDTH, y / total, name, size=SMALL_SIZE, ha="left", va="center_baseline")
        return
    patch = Rectangle(
        (x / WIDTH, (y - height / 2) / total),
        PATCH / WIDTH,
        height / total,
        facecolor="none" if entry.is_outline else colour,
        edgecolor=colour if entry.is_outline else INK,
        linewidth=1.1 if entry.is_outline else 0.3,
        transform=figure.transFigure,
    )
    figure.add_artist(patch)
    figure.text((x + PATCH + BESIDE) / WIDTH, y / total, name, size=SMALL_SIZE, ha="left", va="center_baseline")


def _draw_marker(figure: Figure, x: float, y: float, entry: Entry) -> None:
    marker = MarkerStyle(entry.marker)
    path = marker.get_path().transformed(marker.get_transform())
    # In inches, as all else here.
    place = Affine2D().scale(0.07).translate(x, y) + figure.dpi_scale_trans
    figure.add_artist(PathPatch(path, facecolor=_hex(entry.colour), edgecolor=INK, linewidth=0.6, transform=place))


def _hex(colour: Colour) -> str:
    return f"#{bytes(colour).hex()}"
