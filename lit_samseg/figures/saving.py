"""A figure as a file for print: vectors, or 300 dots an inch."""

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file

VECTOR = (".pdf", ".svg")
RASTER = (".png", ".tif", ".tiff")
DPI = 300


def check_format(path: Path) -> None:
    """Check that a figure can be written to a file of this name.

    Raises:
        InputError: Its suffix is not known.
    """
    if path.suffix.lower() not in (*VECTOR, *RASTER):
        raise InputError(f"--output {path}: the suffix is the format; there are {', '.join((*VECTOR, *RASTER))}")


def is_vector(path: Path) -> bool:
    """Tell whether a file of this name holds its pictures pixel by pixel, whatever the figure's size."""
    return path.suffix.lower() in VECTOR


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all; the same figure gives the same bytes. Call it within ``plotting()``.

    Args:
        figure: Of matplotlib.
        path: Its suffix, one that `check_format` knows, decides the format.
    """
    # In memory first: of a full disk, libtiff says lines of its own.
    drawn = io.BytesIO()
    suffix = path.suffix.lower()
    if suffix in VECTOR:
        undated = {"CreationDate": None} if suffix == ".pdf" else {"Date": None}
        figure.savefig(drawn, format=suffix[1:], metadata=undated)
    else:
        # Without the transparency that matplotlib writes: printers ask for plain RGB.
        rendered = io.BytesIO()
        figure.savefig(rendered, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
        packed = {"compression": "tiff_adobe_deflate"} if suffix != ".png" else {}
        with Image.open(rendered) as picture:
            kind = "PNG" if suffix == ".png" else "TIFF"
            picture.convert("RGB").save(drawn, format=kind, dpi=(DPI, DPI), **packed)
    with atomic_file(path) as draft:
        draft.write_bytes(drawn.getvalue())
