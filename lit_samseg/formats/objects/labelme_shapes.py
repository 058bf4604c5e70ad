"""LabelMe's shapes to pixels and back: polygons, rectangles, circles, and masks as small PNG files."""

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from lit_samseg.errors import InputError
from lit_samseg.formats.objects.filling import circle, filled, is_number
from lit_samseg.formats.objects.json_files import entry
from lit_samseg.formats.objects.outlines import outline
from lit_samseg.formats.objects.run_lengths import Piece

Shape = dict[str, Any]

_BROKEN = (binascii.Error, UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError)

WITH_AREA = ("polygon", "rectangle", "circle", "mask")
WITHOUT_AREA = ("point", "points", "line", "linestrip")


def kind_of(shape: Shape, where: str) -> str:
    """Return a shape's type; old files have polygons only, and say no type.

    Raises:
        InputError: There is no such type.
    """
    found = shape.get("shape_type") or "polygon"
    if found not in WITH_AREA + WITHOUT_AREA:
        kinds = ", ".join(WITH_AREA)
        raise InputError(f"{where} is a {str(found)[:40]!r}, which is not known; draw it as one of {kinds}")
    return str(found)


def pixels_of(shape: Shape, height: int, width: int, where: str) -> Piece:
    """Return the pixels of a shape with an area.

    Raises:
        InputError: Its points are too few or too many, no numbers or far outside; or its mask is broken.
    """
    kind, points = kind_of(shape, where), _points(shape, where)
    if kind == "polygon":
        return filled([[value for point in points for value in point]], height, width, where)
    if len(points) != 2:
        raise InputError(f"{where} is a {kind} of {len(points)} points, which takes two; draw it anew")
    (x0, y0), (x1, y1) = points
    if kind == "rectangle":
        return filled([[x0, y0, x1, y0, x1, y1, x0, y1]], height, width, where)
    if kind == "circle":
        radius = float(np.hypot(x1 - x0, y1 - y0))
        return circle(x0, y0, (radius, radius), (height, width), where)
    # Both corners are pixels of the mask.
    left, top, right, bottom = int(x0), int(y0), int(x1) + 1, int(y1) + 1
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise InputError(f"{where} is a mask outside of its picture of {width}x{height}; draw it anew")
    mask = _decoded(entry(shape, "mask", str, where), where)
    if mask.shape != (bottom - top, right - left):
        raise InputError(f"{where} has a mask of other size than its box, {right - left}x{bottom - top}; draw it anew")
    return Piece.cut_out(mask, top, left)


def shapes_of(piece: Piece, old: Sequence[Shape], group: int) -> list[Shape]:
    """Return an object's shapes: a polygon for each piece, or a mask where it has holes or was one.

    Args:
        piece: Its pixels.
        old: Its shapes before, whose first has what is not of pixels.
        group: The number that several polygons get where they have none.
    """
    template = dict(old[0])
    polygons = outline(piece.mask)
    if any(polygon.interiors for polygon in polygons) or any(shape.get("shape_type") == "mask" for shape in old):
        rows, columns = piece.mask.shape
        corners = [[piece.left, piece.top], [piece.left + columns - 1, piece.top + rows - 1]]
        return [template | {"points": corners, "shape_type": "mask", "mask": _encoded(piece)}]
    if len(polygons) > 1 and template.get("group_id") is None:
        template["group_id"] = group
    outlines = [np.add(polygon.exterior, (piece.left, piece.top)).tolist() for polygon in polygons]
    return [template | {"points": points, "shape_type": "polygon"} for points in outlines]


def _points(shape: Mapping[str, Any], where: str) -> list[list[float]]:
    points = shape.get("points")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise InputError(f"{where} has {str(points)[:40]!r} for points, not a list of x and y; draw it anew")
    odd = [value for point in points for value in point if not is_number(value)]
    if odd:
        raise InputError(f"{where} has {str(odd[0])[:40]!r} for a coordinate; draw it anew")
    return points


def _decoded(text: str, where: str) -> Any:
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as picture:
            return np.array(picture.convert("L")) > 0
    except (
        binascii.Error,
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise InputError(f"{where} has a mask that is no PNG file in base64; draw it anew") from error


def _encoded(piece: Piece) -> str:
    file = io.BytesIO()
    Image.fromarray(piece.mask.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
