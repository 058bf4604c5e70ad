"""A refinement to look at: before, after, and what changed."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lit_samseg.drawing import class_colours, draw_overlay
from lit_samseg.drawing.change import draw_change
from lit_samseg.drawing.sheet import draw_sheet
from lit_samseg.formats.palettes import voc_palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 480
"""Pixels of a panel's longer side in a notebook, at most."""
_LISTED = 12
"""Classes that a figure's legend has, at most; a longer one would hide the pictures."""

Pixels = NDArray[np.uint8]


class Drawn(NamedTuple):
    """What is drawn.

    Attributes:
        image: uint8 ``[H, W, 3]``.
        before: Class ids ``[H, W]``, void below 0.
        after: The same of the refined label map.
        background: The class that is left as it is, or None.
    """

    image: Pixels
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    background: int | None

    @property
    def colours(self) -> Pixels:
        """VOC's colours, which most label maps are drawn with; beyond 255 classes other hues."""
        return class_colours(max(0, int(self.before.max()), int(self.after.max())) + 1, voc_palette())


def overlay(drawn: Drawn) -> Pixels:
    """Return the refined label map over the picture, uint8 ``[H, W, 3]``."""
    return draw_overlay(drawn.image, drawn.after, drawn.colours, drawn.background)


def panels(drawn: Drawn) -> dict[str, Pixels]:
    """Return the three pictures by their names."""
    return {
        "before": draw_overlay(drawn.image, drawn.before, drawn.colours, drawn.background),
        "after": overlay(drawn),
        "what changed": draw_change(drawn.image, drawn.before, drawn.after, drawn.colours),
    }


def png(drawn: Drawn) -> bytes:
    """Return the three pictures side by side as a PNG file."""
    small = {}
    for name, picture in panels(drawn).items():
        shown = Image.fromarray(picture)
        shown.thumbnail((_SHOWN, _SHOWN))
        small[name] = np.asarray(shown)
    file = io.BytesIO()
    Image.fromarray(draw_sheet(small)).save(file, "png")
    return file.getvalue()


def plot(drawn: Drawn, names: Mapping[int, str]) -> "Figure":
    """Return a figure of matplotlib, which belongs to nobody else (no ``pyplot``).

    Args:
        drawn: What is drawn.
        names: Of the classes of the refined label map, by id.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    height, width = drawn.after.shape
    figure = Figure(figsize=(12, 12 * height / (3 * width) + 0.8), layout="constrained")
    for axes, (name, picture) in zip(figure.subplots(1, 3), panels(drawn).items(), strict=True):
        axes.imshow(picture)
        axes.set_title(name)
        axes.set_axis_off()
    colours, listed = drawn.colours / 255, [c for c in names if c != drawn.background][:_LISTED]
    if listed:
        # A dollar sign in a name is no formula.
        patches = [Patch(color=colours[c], label=names[c].replace("$", r"\$")) for c in listed]
        figure.legend(handles=patches, loc="outside lower center", ncols=min(6, len(patches)), frameon=False)
    return figure
