"""Several pictures and their names on one sheet."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 4
GAP = 4
"""White pixels between neighbours."""

FONT_SIZE = 14
NAME_HEIGHT = 20
"""Height of the strip above a picture that has its name."""


def draw_sheet(pictures: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Lay pictures out in lines of at most ``COLUMNS``, each below its name.

    Args:
        pictures: RGB by name, uint8 ``[h, w, 3]``, at least one, all of one size; columns are as wide as the widest of
            picture and names.

    Returns:
        uint8 ``[H, W, 3]``; white where there is nothing.
    """
    height, width, _ = next(iter(pictures.values())).shape
    font = ImageFont.load_default(FONT_SIZE)
    # Beside small pictures a long name would run into the next one.
    width = max(width, *(math.ceil(font.getlength(name)) for name in pictures))
    columns = min(COLUMNS, len(pictures))
    lines = math.ceil(len(pictures) / columns)
    across, down = width + GAP, NAME_HEIGHT + height + GAP
    sheet = Image.new("RGB", (columns * across - GAP, lines * down - GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (name, picture) in enumerate(pictures.items()):
        left, top = index % columns * across, index // columns * down
        pen.text((left, top), name, fill="black", font=font)
        sheet.paste(Image.fromarray(picture), (left, top + NAME_HEIGHT))
    return np.asarray(sheet)
