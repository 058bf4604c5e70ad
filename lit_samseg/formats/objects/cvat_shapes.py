"""CVAT's shapes to pixels and back: polygons, boxes, ellipses, and masks as run lengths along rows."""

import math
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element  # nosec B405 (nothing is parsed with it)

import numpy as np

from lit_samseg.errors import InputError
from lit_samseg.formats.objects.filling import circle, filled
from lit_samseg.formats.objects.outlines import outline
from lit_samseg.formats.objects.run_lengths import Piece

WITH_AREA = ("polygon", "box", "ellipse", "mask")
_OF_BOXES = ("xtl", "ytl", "xbr", "ybr", "rotation")
_OF_ELLIPSES = ("cx", "cy", "rx", "ry")
_OF_MASKS = ("rle", "left", "top", "width", "height")
FROM_PIXELS = ("points", *_OF_BOXES, *_OF_ELLIPSES, *_OF_MASKS)
"""Attributes that say where a shape lies; the rest is kept as it is."""


def pixels_of(shape: Element, height: int, width: int, where: str) -> Piece:
    """Return the pixels of a shape with an area.

    Raises:
        InputError: A number is missing, none, or far outside; or run lengths do not fill their box.
    """
    if shape.tag == "polygon":
        points = [_number(text, where) for text in shape.get("points", "").replace(";", ",").split(",") if text.strip()]
        return filled([points], height, width, where)
    if shape.tag == "mask":
        return _unpacked(shape, height, width, where)
    angle = math.radians(_number(shape.get("rotation", "0"), where))
    if shape.tag == "box":
        x0, y0, x1, y1 = (_number(shape.get(name), where) for name in ("xtl", "ytl", "xbr", "ybr"))
        x, y, cosine, sine = (x0 + x1) / 2, (y0 + y1) / 2, math.cos(angle), math.sin(angle)
        corners = [(x0 - x, y0 - y), (x1 - x, y0 - y), (x1 - x, y1 - y), (x0 - x, y1 - y)]
        turned = [(x + right * cosine - down * sine, y + right * sine + down * cosine) for right, down in corners]
        return filled([[value for point in turned for value in point]], height, width, where)
    if angle:
        raise InputError(f"{where} is a turned ellipse, which is not read; draw it as a polygon")
    x, y, across, down = (_number(shape.get(name), where) for name in ("cx", "cy", "rx", "ry"))
    return circle(x, y, (across, down), (height, width), where)


def shapes_of(piece: Piece, old: Sequence[Element], group: int) -> list[Element]:
    """Return an object's shapes: a polygon for each piece, or a mask where it has holes or was one.

    Args:
        piece: Its pixels.
        old: Its shapes before, whose first has what is not of pixels: attributes, sources, how it is drawn.
        group: The number that several polygons get where they have none.
    """
    polygons = outline(piece.mask)
    kept = {name: value for name, value in old[0].attrib.items() if name not in FROM_PIXELS}
    if any(polygon.interiors for polygon in polygons) or any(shape.tag == "mask" for shape in old):
        return [_shape("mask", kept | _packed(piece), old[0])]
    if len(polygons) > 1 and kept.get("group_id", "0") == "0":
        kept["group_id"] = str(group)
    outlines = [np.add(polygon.exterior, (piece.left, piece.top)).tolist() for polygon in polygons]
    texts = [";".join(f"{x:.2f},{y:.2f}" for x, y in outline) for outline in outlines]
    return [_shape("polygon", kept | {"points": text}, old[0]) for text in texts]


def _shape(tag: str, attributes: Mapping[str, str], old: Element) -> Element:
    shape = Element(tag, dict(attributes))
    shape.text, shape.tail = old.text, old.tail
    shape.extend(old)
    return shape


def _number(text: str | None, where: str) -> float:
    try:
        value = float("missing" if text is None else text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where} has {str(text)[:40]!a} for a number; draw it anew")
    return value


def _unpacked(shape: Element, height: int, width: int, where: str) -> Piece:
    left, top, columns, rows = (_number(shape.get(name), where) for name in ("left", "top", "width", "height"))
    inside = 0 <= left <= left + columns <= width and 0 <= top <= top + rows <= height and columns >= 1 and rows >= 1
    if not inside or any(value != int(value) for value in (left, top, columns, rows)):
        raise InputError(f"{where} is a mask outside of its picture of {width}x{height}; draw it anew")
    counts = [_number(text, where) for text in shape.get("rle", "").split(",")]
    if (
        any(not 0 <= count <= rows * columns or count != int(count) for count in counts)
        or sum(counts) != rows * columns
    ):
        raise InputError(f"{where} has run lengths that do not fill its box of {columns:g}x{rows:g}; draw it anew")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, np.array(counts, np.int64))
    return Piece.cut_out(flat.reshape(int(rows), int(columns)), int(top), int(left))


def _packed(piece: Piece) -> dict[str, str]:
    flat = piece.mask.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
    counts = np.diff([0, *edges, flat.size]).tolist()
    rows, columns = piece.mask.shape
    sides = {"left": piece.left, "top": piece.top, "width": columns, "height": rows}
    return {"rle": ", ".join(map(str, counts))} | {name: str(value) for name, value in sides.items()}
