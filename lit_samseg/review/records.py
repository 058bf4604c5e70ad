"""What is known of a picture whose masks were refined, one file each, so that a run can go on."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file

RECORDS, PICTURES, TABLE, PAGE = "records", "pictures", "review.csv", "review.html"


@dataclass(frozen=True)
class RegionRecord:
    """A region that SAM was asked about; of a picture cut into tiles, a connected component.

    Attributes:
        label: Its class's name.
        x: Left edge of its box, in pixels of the picture.
        y: Upper edge.
        width: Of its box.
        height: Of its box.
        area: Its pixels.
        changed: How many of them have another class now.
        agreement: IoU of the region and SAM's mask; None where SAM gave none, or was asked tile by tile.
        confidence: Mean over its pixels, 0..1 (`Refinement.confidence`).
    """

    label: str
    x: int
    y: int
    width: int
    height: int
    area: int
    changed: int
    agreement: float | None
    confidence: float


@dataclass(frozen=True)
class PictureRecord:
    """A picture, before and after.

    Attributes:
        key: Its path without suffix, relative to the folder of pictures, with ``/``.
        width: In pixels.
        height: In pixels.
        classes: Names of the classes that it has before or after, without the background.
        changed: Share of its pixels that have another class now, 0..1.
        confidence: Mean over its pixels, 0..1.
        agreement: Mean IoU of regions and SAM's masks; None without any.
        doubt: 0..1: the higher, the sooner a person should look (`lit_samseg.refined.doubt`).
        kept: Names of the classes that kept their pixels: refinement would have taken most of them away.
        lost: Objects that are gone, for formats of objects.
        seconds: What it took.
        regions: The largest change first.
    """

    key: str
    width: int
    height: int
    classes: tuple[str, ...]
    changed: float
    confidence: float
    agreement: float | None
    doubt: float
    kept: tuple[str, ...]
    lost: int
    seconds: float
    regions: tuple[RegionRecord, ...]


def write_record(folder: Path, record: PictureRecord) -> None:
    """Write a picture's record, ``records/KEY.json``; it is the last of the picture's files.

    Args:
        folder: Of the review.
        record: What is known.
    """
    with atomic_file(_path(folder, record.key)) as draft:
        draft.write_text(json.dumps(asdict(record)), encoding="utf-8")


def read_record(folder: Path, key: str) -> PictureRecord | None:
    """Read a picture's record; None where there is none.

    Raises:
        InputError: It is broken.
    """
    path = _path(folder, key)
    try:
        given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        regions = tuple(RegionRecord(**region) for region in given.pop("regions"))
        given |= {name: tuple(given[name]) for name in ("classes", "kept")}
        return PictureRecord(**given, regions=regions)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} is no record of this release; remove it, and the picture is refined again") from error


def first_to_look_at(records: Sequence[PictureRecord]) -> list[PictureRecord]:
    """Return records in the order in which a person should look; the doubtful first, then by name."""
    return sorted(records, key=lambda record: (-record.doubt, record.key))


def write_table(path: Path, records: Sequence[PictureRecord]) -> None:
    """Write ``review.csv``: a line for each picture, in the order to look, followed by one for each of its regions.

    Args:
        path: The file.
        records: Of all pictures.
    """
    with atomic_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for record in first_to_look_at(records):
            writer.writerows(_lines(record))


_OF_PICTURE = ("changed", "agreement", "confidence")
COLUMNS = (
    *("image", "region", "class", "x", "y", "width", "height", "pixels", "changed", "agreement", "confidence"),
    *("doubt", "kept", "lost_objects", "seconds"),
)
"""Of ``review.csv``: ``region`` is empty in a picture's own line, and ``changed`` is a share in both."""


def _lines(record: PictureRecord) -> Iterator[dict[str, object]]:
    yield {
        "image": record.key,
        "class": _names(record.classes),
        "width": record.width,
        "height": record.height,
        "pixels": record.width * record.height,
        **{name: _number(getattr(record, name)) for name in _OF_PICTURE},
        "doubt": _number(record.doubt),
        "kept": _names(record.kept),
        "lost_objects": record.lost,
        "seconds": f"{record.seconds:.2f}",
    }
    for n, region in enumerate(record.regions):
        given = {field.name: getattr(region, field.name) for field in fields(region)}
        yield {
            "image": record.key,
            "region": n,
            "class": given["label"],
            **{name: given[name] for name in ("x", "y", "width", "height")},
            "pixels": region.area,
            "changed": _number(region.changed / region.area),
            "agreement": _number(region.agreement),
            "confidence": _number(region.confidence),
        }


def _names(classes: Sequence[str]) -> str:
    return " ".join(name.replace(" ", "_") for name in classes)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _path(folder: Path, key: str) -> Path:
    return folder / RECORDS / f"{key}.json"
