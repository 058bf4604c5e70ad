"""``review.html``: each picture before and after, what a person should look at first on top."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from lit_samseg.report.rendering import fill_in
from lit_samseg.results.run_tables import count
from lit_samseg.review.pictures import KINDS, picture_path
from lit_samseg.review.records import PictureRecord, first_to_look_at
from lit_samseg.runtime.atomic import atomic_file

Colour = tuple[int, int, int]


def write_page(
    path: Path, folder: Path, records: Sequence[PictureRecord], colours: Mapping[str, Colour], facts: Sequence[str]
) -> None:
    """Write the page; its pictures stay beside it.

    Args:
        path: The file.
        folder: Of the review's pictures, somewhere below the page's folder.
        records: Of all pictures.
        colours: RGB by class name.
        facts: What was done, a sentence each.
    """
    ordered = first_to_look_at(records)
    start = folder.relative_to(path.parent)
    page = fill_in(
        "review.html.j2",
        ["report.css", "review.css"],
        ["address.js", "review.js"],
        summary=summary(records),
        facts=facts,
        records=ordered,
        names=sorted({name for record in records for name in record.classes}),
        colours={name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in colours.items()},
        pictures=[
            {kind: quote(picture_path(start, record.key, kind).as_posix()) for kind in KINDS} for record in ordered
        ],
        data=[_facts_of(record) for record in ordered],
    )
    with atomic_file(path) as draft:
        draft.write_text(page, encoding="utf-8")


def summary(records: Sequence[PictureRecord]) -> str:
    """Say what came of it in a sentence or two."""
    if not records:
        return "No picture was refined."
    pixels = sum(record.width * record.height for record in records)
    changed = sum(record.changed * record.width * record.height for record in records)
    kept = sum(bool(record.kept) for record in records)
    said = f"{count(len(records), 'mask')} refined, {100 * changed / pixels:.1f} % of all pixels changed."
    if kept:
        said += (
            f" {count(kept, 'mask')} {'keeps' if kept == 1 else 'keep'} classes of which little would have been left."
        )
    lost = sum(record.lost for record in records)
    if lost:
        said += f" {count(lost, 'object')} {'is' if lost == 1 else 'are'} gone."
    return said


def _facts_of(record: PictureRecord) -> dict[str, object]:
    """Return what the page's filters and order go by."""
    facts = asdict(record)
    return {name: facts[name] for name in ("key", "classes", "changed", "confidence", "doubt", "kept", "lost")}
