"""One card an image: its pictures, prompts, classes, and what each row did to it."""

import base64
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np

from lit_samseg.gallery import FILES, GalleryLegend, GalleryPrompts, has_gallery, key_of
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.harm import image_scores
from lit_samseg.results.regions import by_row_and_image

Pictures = Literal["auto", "embed", "link"]

EMBEDDED_AT_MOST = 10_500_000
"""Bytes of pictures in one file; as text they take a third more, which makes 14 MB."""

SAME = 1e-12
"""Differences of IoU below it are rounding."""


@dataclass(frozen=True)
class Card:
    """What a report shows of an image.

    Attributes:
        id: The image's.
        classes: Ids of the classes of its ground truth.
        invented: Ids of further classes that some row predicts.
        rows: For each row of the run ``score``, ``difference`` to the baseline (None where there is none) and ``tags``
            of its regions.
        pictures: URLs by ``photo``, ``labels``, ``errors``; empty where none were kept.
        prompts: The image's size and prompts; None where none were kept.
    """

    id: str
    classes: list[int]
    invented: list[int]
    rows: list[dict[str, Any]]
    pictures: dict[str, str]
    prompts: GalleryPrompts | None

    def data(self) -> dict[str, Any]:
        """Return what the page's filters and order go by."""
        return {
            "id": self.id,
            "classes": self.classes,
            "score": self.rows[0]["score"],
            "differences": [row["difference"] for row in self.rows],
            "tags": [row["tags"] for row in self.rows],
        }


def make_cards(
    evidence: Evidence,
    folder: Path,
    pictures: Pictures | None,
    legend: GalleryLegend | None = None,
    base: str = ".",
) -> list[Card]:
    """Make the cards of a run, in the order of its ids.

    Args:
        evidence: The run's counts and regions.
        folder: The run's, with its gallery in ``gallery`` if one was kept.
        pictures: ``embed`` puts them into the page, ``link`` leaves them beside it, ``auto`` embeds what is not too
            large for one file; None shows none.
        legend: Of the gallery.
        base: The way from the page's folder to the run's, for links.

    Raises:
        InputError: The gallery is broken.
    """
    gallery = folder / "gallery"
    kept = [] if pictures is None else [image_id for image_id in evidence.ids if _files(gallery, image_id)]
    if pictures == "auto":
        # The prompts are text in the page, about as long as their file.
        files = [path for i in kept for path in (*_files(gallery, i).values(), gallery / f"prompts/{i}.json")]
        size = sum(path.stat().st_size for path in files if path.is_file())
        pictures = "embed" if size <= EMBEDDED_AT_MOST else "link"
    scores = np.stack([image_scores(counts) for counts in evidence.counts])
    regions = by_row_and_image(evidence.regions or [])
    present = evidence.counts[0, 1] > 0
    predicted = np.any(evidence.counts[:, 2] > 0, axis=0)
    shown = set(kept)
    rows = () if legend is None else legend.rows
    return [
        Card(
            image_id,
            np.flatnonzero(present[n]).tolist(),
            np.flatnonzero(predicted[n] > present[n]).tolist(),
            [
                {
                    "score": _known(scores[r, n]),
                    "difference": _known(scores[r, n] - scores[0, n]) if r else None,
                    "tags": sorted(
                        {tag for region in regions.get(row, {}).get(image_id, ()) for tag in region["tags"]}
                    ),
                }
                for r, row in enumerate(evidence.rows)
            ],
            _urls(gallery, image_id, None if pictures == "embed" else base) if image_id in shown else {},
            GalleryPrompts.read(gallery, image_id, rows) if image_id in shown else None,
        )
        for n, image_id in enumerate(evidence.ids)
    ]


def read_legend(folder: Path, evidence: Evidence) -> GalleryLegend | None:
    """Return the legend of a run's gallery; None where there is none, or it is another run's."""
    if not has_gallery(folder / "gallery"):
        return None
    legend = GalleryLegend.read(folder / "gallery")
    return legend if legend.key == key_of(evidence.ids, evidence.rows, evidence.counts) else None


def _files(gallery: Path, image_id: str) -> dict[str, Path]:
    """Return an image's pictures, or nothing where one is missing."""
    paths = {what: gallery / name.format(image_id) for what, name in FILES.items()}
    return paths if all(path.is_file() for path in paths.values()) else {}


def _urls(gallery: Path, image_id: str, base: str | None) -> dict[str, str]:
    """Return the URLs of an image's pictures: below ``base``, or of what the page itself holds where that is None."""
    if base is not None:
        start = "" if base == "." else f"{base}/"
        return {what: quote(f"{start}gallery/{name.format(image_id)}") for what, name in FILES.items()}
    return {what: as_data_url(path.read_bytes(), "webp") for what, path in _files(gallery, image_id).items()}


def as_data_url(content: bytes, kind: str) -> str:
    """Return a picture as a URL that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _known(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return float(value) if abs(value) > SAME else 0.0
