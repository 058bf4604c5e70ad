"""A report in the browser as one uses it: what is shown, chosen and painted."""

import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from lit_samseg.formats.palettes import voc_palette

COLOURS = np.array(voc_palette(), np.uint8).reshape(-1, 3)
ROW = "points+box+mask"


def per_image(folder: Path) -> dict[tuple[str, str], float]:
    with (folder / "per_image.csv").open() as file:
        return {(line["id"], line["row"]): float(line["miou_gt_present"]) for line in csv.DictReader(file)}


def per_image_ids(folder: Path) -> list[str]:
    return np.load(folder / "counts.npz")["ids"].tolist()


def shown(page: Page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('.card')].filter(c => c.offsetParent).map(c => c.id)")


def choose(page: Page, **fields: str) -> None:
    for name, label in fields.items():
        page.locator(f"form [name={name}]").select_option(label=label)


def painted(page: Page, card_id: str, selector: str, size: tuple[int, int]) -> np.ndarray:
    """Return what the browser paints of one view, scaled to the image's own size."""
    view = page.locator(f"[id='{card_id}'] {selector}")
    picture = Image.open(io.BytesIO(view.screenshot())).convert("RGB")
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST))


def agreement(painting: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of the pixels inside a class whose colour is the class's; the background shows the image."""
    inside = np.zeros(labels.shape, bool)
    # At an edge the slider's bar may be, and pixels are painted in part.
    inside[4:-4, 4:-4] = labels[4:-4, 4:-4] > 0
    for axis in (0, 1):
        for step in range(-3, 4):
            inside &= np.roll(labels, step, axis) == labels
    assert inside.sum() > 200
    near = np.abs(painting[inside].astype(int) - COLOURS[labels[inside]]).max(-1) <= 3
    return float(near.mean())


def in_view(page: Page, card_id: str) -> bool:
    """Tell whether a card's picture can be seen."""
    page.wait_for_timeout(200)
    box = page.locator(f"[id='{card_id}'] .stage").bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"]
