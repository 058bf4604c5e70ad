"""The prompts of an image in a gallery: ``prompts/<id>.json``."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file

if TYPE_CHECKING:
    from lit_samseg.refine import Asked

PROMPTS = "prompts/{}.json"
"""An image's prompts, in the gallery's folder."""

_DIGITS = 2
"""Decimals of places, in pixels."""

Shapes = dict[str, list[list[float]]]


@dataclass(frozen=True)
class GalleryPrompts:
    """What SAM was asked for an image, by every row.

    Attributes:
        height: Of the image itself, in pixels.
        width: Of the image itself, in pixels.
        prompts: Each with ``class`` (its id) and, as far as it has them, ``box`` (x_min, y_min, x_max, y_max, corners
            inclusive), ``points`` and ``negative`` (x, y of each), in the image's pixels, and ``mask`` (``mask``,
            ``margin`` or ``gauss``).
        rows: Places in ``prompts`` by row name.
    """

    height: int
    width: int
    prompts: Sequence[Mapping[str, Any]] = field(default_factory=list)
    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, height: int, width: int, rows: "Mapping[str, Iterable[Asked]]") -> "GalleryPrompts":
        """Put together what an image's rows asked; equal prompts are kept once."""
        return cls._of_described(height, width, {row: map(_described, asked) for row, asked in rows.items()})

    @classmethod
    def _of_described(cls, height: int, width: int, rows: Mapping[str, Iterable[dict[str, Any]]]) -> "GalleryPrompts":
        places: dict[str, int] = {}
        found: list[dict[str, Any]] = []
        by_row: dict[str, list[int]] = {}
        for row, asked in rows.items():
            by_row[row] = []
            for prompt in asked:
                place = places.setdefault(json.dumps(prompt), len(found))
                found += [prompt] if place == len(found) else []
                by_row[row].append(place)
        return cls(height, width, found, by_row)

    @classmethod
    def read(cls, folder: Path, image_id: str, rows: Sequence[Mapping[str, Any]] = ()) -> "GalleryPrompts":
        """Read an image's.

        Args:
            folder: The gallery's.
            image_id: Its name in the data set.
            rows: Those of the gallery's legend. Earlier releases kept regions, and not what each row made of them: of
                these come the prompts ``point``, ``points``, ``box`` and masks.

        Raises:
            InputError: There are none, or they are broken.
        """
        path = folder / PROMPTS.format(image_id)
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if "regions" not in kept:
                return cls(**kept)
            asked = {row["name"]: _of_regions(row, kept["regions"]) for row in rows if row["recipe"]}
            return cls._of_described(kept["height"], kept["width"], asked)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise unreadable(path, error) from error

    def write(self, folder: Path, image_id: str) -> None:
        """Write them into the gallery's folder."""
        with atomic_file(folder / PROMPTS.format(image_id)) as draft:
            draft.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def of_row(self, row: str) -> list[Mapping[str, Any]]:
        """Return a row's prompts."""
        return [self.prompts[place] for place in self.rows.get(row, ())]

    def shapes(self, rows: Sequence[str]) -> list[tuple[list[int], Shapes]]:
        """Return what is drawn, each shape once, by the rows that it is drawn for.

        Args:
            rows: The names of all rows.

        Returns:
            Places of rows in ``rows``, and their ``box``es, ``points`` and ``negative`` points.
        """
        drawn_for: dict[tuple[str, tuple[float, ...]], list[int]] = {}
        for n, row in enumerate(rows):
            for prompt in self.of_row(row):
                own = {("box", tuple(prompt["box"]))} if "box" in prompt else set()
                own |= {(kind, tuple(at)) for kind in ("points", "negative") for at in prompt.get(kind, ())}
                for shape in sorted(own):
                    places = drawn_for.setdefault(shape, [])
                    if n not in places:
                        places.append(n)
        groups: dict[tuple[int, ...], Shapes] = {}
        for (kind, where), places in drawn_for.items():
            shapes = groups.setdefault(tuple(places), {"box": [], "points": [], "negative": []})
            shapes[kind].append(list(where))
        return [(list(places), shapes) for places, shapes in groups.items()]


def unreadable(path: Path, error: Exception) -> InputError:
    """Return the complaint about a file of a gallery."""
    return InputError(f"{path} cannot be read ({error}); run the test again, or delete {path.parent}")


def _described(asked: "Asked") -> dict[str, Any]:
    described: dict[str, Any] = {"class": asked.class_id}
    if asked.box is not None:
        described["box"] = [_short(corner) for corner in asked.box]
    for kind, places in (("points", asked.points), ("negative", asked.negative)):
        if places:
            described[kind] = [[_short(x), _short(y)] for x, y in places]
    return described | ({"mask": asked.mask} if asked.mask else {})


def _short(value: float) -> float:
    rounded = round(value, _DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def _of_regions(row: Mapping[str, Any], regions: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Return what a row made of the regions that an earlier release kept, as far as that is known."""
    recipe = row["recipe"]
    count = None if "points" in recipe else 1 if "point" in recipe else 0
    mask = next((word for word in ("mask", "margin", "gauss") if word in recipe), "")
    for region in regions.get(row["region"], ()):
        prompt = {"class": region["class"]}
        prompt |= {"box": region["box"]} if "box" in recipe else {}
        prompt |= {"points": region["points"][:count]} if count != 0 else {}
        yield prompt | ({"mask": mask} if mask else {})
