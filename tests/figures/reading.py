"""Reads figures back from their files, by separate code."""

import base64
import io
import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from PIL import Image

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


class ReadPanel(NamedTuple):
    """A picture in an SVG: its pixels, its boxes and points in pixels (corners inclusive), its place in points."""

    pixels: np.ndarray
    boxes: list[tuple[float, ...]]
    left: float
    top: float
    width: float
    height: float
    points: list[tuple[float, float]]


class ReadFigure(NamedTuple):
    """An SVG: size in points, panels in order, texts by size, and the legend's names with their colours."""

    width: float
    height: float
    panels: list[ReadPanel]
    texts: list[str]
    legend: dict[str, str]


def read_svg(path: Path) -> ReadFigure:
    root = ElementTree.parse(path).getroot()
    panels = [_panel(group) for group in root.iter(f"{SVG}g") if group.get("id", "").startswith("axes_")]
    texts = [(element.text or "", float(element.get("x", "nan"))) for element in root.iter(f"{SVG}text")]
    (figure,) = [group for group in root.iter(f"{SVG}g") if group.get("id") == "figure_1"]
    patches = [
        path
        for group in figure
        if group.get("id", "").startswith("patch_") and group.get("id") != "patch_1"
        for path in group.iter(f"{SVG}path")
    ]
    # The legend's texts are the last, one for each of its patches.
    names = [text for text, _ in texts[len(texts) - len(patches) :]]
    colours = []
    for patch in patches:
        style = patch.get("style", "")
        fill = re.search(r"fill: (#\w+|none)", style)
        stroke = re.search(r"stroke: (#\w+)", style)
        assert stroke is not None
        # Black is what SVG fills with if nothing is said.
        filled = "#000000" if fill is None else fill[1]
        colours.append(stroke[1] if filled == "none" else filled)
    width, height = (float(root.get(side, "").removesuffix("pt")) for side in ("width", "height"))
    return ReadFigure(width, height, panels, [text for text, _ in texts], dict(zip(names, colours, strict=True)))


def _panel(group: ElementTree.Element) -> ReadPanel:
    (image,) = group.iter(f"{SVG}image")
    data = base64.b64decode(image.get(HREF, "").partition("base64,")[2])
    with Image.open(io.BytesIO(data)) as picture:
        pixels = np.array(picture.convert("RGBA"))
    assert (pixels[..., 3] == 255).all()
    matrix = re.fullmatch(r"matrix\((.*)\)", image.get("transform", ""))
    assert matrix is not None
    across, b, c, down, left, top = map(float, matrix[1].split())
    assert (b, c) == (0, 0)
    boxes = []
    # What is drawn again and again is defined once.
    markers = {path for defs in group.iter(f"{SVG}defs") for path in defs.iter(f"{SVG}path")}
    for path in (path for path in group.iter(f"{SVG}path") if path not in markers):
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
        xs, ys = (np.array(numbers[0::2]) - left) / across, (np.array(numbers[1::2]) - top) / down
        assert "#0057ff" in path.get("style", "")
        boxes.append((xs.min(), ys.min(), xs.max() - 1, ys.max() - 1))
    height, width = pixels.shape[:2]
    places = [[float(use.get(axis, "nan")) for axis in "xy"] for use in group.iter(f"{SVG}use")]
    # The middle of a pixel is at a whole number.
    points = [((x - left) / across - 0.5, (y - top) / down - 0.5) for x, y in places]
    return ReadPanel(pixels[..., :3], boxes, left, top, across * width, down * height, points)


def read_pdf_pictures(path: Path) -> list[np.ndarray]:
    """Return the pictures of a PDF of matplotlib as they are seen, RGB, in the order in which they were drawn."""
    content = path.read_bytes()
    streams = [m.end() for m in re.finditer(rb"/FlateDecode >>\nstream\n", content)]
    page = zlib.decompress(content[streams[0] : content.index(b"\nendstream", streams[0])])
    # A picture fills a square from its top row down; a matrix may turn that over.
    matrices = [m[1].split() for m in re.finditer(rb"((?:-?[\d.]+\s+){6})cm\s+/I\d+\s+Do", page)]
    pictures = []
    for found in re.finditer(rb"/Subtype /Image(.*?)/Length \d+ 0 R >>\nstream\n", content, re.DOTALL):
        facts = found[1]
        width, height, depth = (
            int(re.search(rb"/" + key + rb" (\d+)", facts)[1])  # type: ignore[index]
            for key in (b"Width", b"Height", b"BitsPerComponent")
        )
        data = content[found.end() : content.index(b"\nendstream", found.end())]
        palette = re.search(rb"/Indexed /DeviceRGB \d+ \((.*?)(?<!\\)\) \]", facts, re.DOTALL)
        # What a PDF has is a PNG's chunks without their frame.
        chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 3 if palette else 2, 0, 0, 0))]
        if palette:
            chunks.append((b"PLTE", re.sub(rb"\\(.)", _unescaped, palette[1], flags=re.DOTALL)))
        chunks += [(b"IDAT", data), (b"IEND", b"")]
        png = b"\x89PNG\r\n\x1a\n"
        for kind, body in chunks:
            png += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        with Image.open(io.BytesIO(png)) as picture:
            pictures.append(np.array(picture.convert("RGB")))
    return [picture[:: 1 if float(m[3]) > 0 else -1] for picture, m in zip(pictures, matrices, strict=True)]


def _unescaped(found: re.Match[bytes]) -> bytes:
    return {b"n": b"\n", b"r": b"\r"}.get(found[1], found[1])
