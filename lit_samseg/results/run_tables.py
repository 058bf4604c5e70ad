"""The tables of a finished run, from ``results.json``; in per cent with two decimals."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lit_samseg.results.contents import Results
from lit_samseg.results.paper import PAPER_NOTES, PAPER_SCORES
from lit_samseg.results.row_contents import Interval, Row
from lit_samseg.results.text_table import TextTable
from lit_samseg.results.truth import notes_on_data, notes_on_truth

METRIC: Final = "miou_gt_present"
"""Differences are taken on the classes of the ground truth, a set no prediction can change."""

TOO_FEW = "too few images"
"""The verdict where no result could have been told from chance."""


def scores_table(results: Results) -> TextTable:
    """Lay out scores and differences; the paper's numbers beside the rows that have them."""
    dataset, rows = results["dataset"], results["rows"]
    paper = PAPER_SCORES.get(dataset["name"], {})
    shows_paper = any(row["name"] in paper for row in rows)
    shows_borders = any("boundary" in row for row in rows)
    header = ["row", "mIoU", "mAcc", "mIoU*", "diff.", "95 %", "verdict"]
    others = [(metric["word"], c) for metric in results.get("metrics", ()) for c in metric["columns"]]
    others = [(word, column) for word, column in others if "table" in column["shown"]]
    header += ["bIoU"] * shows_borders + [column["heading"] for _, column in others] + ["paper mIoU/mAcc"] * shows_paper
    cells = []
    for row in rows:
        test = row["difference"][METRIC] if "difference" in row else None
        line = [row["name"], *map(per_cent, (row["miou"], row["macc"], row[METRIC]))]
        line += ["", "", ""] if test is None else [points(test["value"]), interval(test), test["verdict"]]
        if shows_borders:
            line.append(per_cent(row.get("boundary", {}).get("iou_before")))
        line += [_number(row.get("metrics", {}).get(word, {}).get(column["key"]), column) for word, column in others]
        if shows_paper:
            scores = paper.get(row["name"])
            line.append("-" if scores is None else f"{scores[0]:.2f}/{scores[1]:.2f}")
        cells.append(line)
    title = f"{dataset['name']} {dataset['split']}, {images_of(results)}, "
    title += f"{results['baseline']['name']} + "
    title += f"{results['sam']['name']} ({results['sam']['precision']})"
    return TextTable(title, header, cells, _notes(results, shows_borders, shows_paper))


def _notes(results: Results, shows_borders: bool, shows_paper: bool) -> list[str]:
    notes = [
        "mIoU*: over the classes of the ground truth; diff.: mIoU* against the baseline's, with its 95 % interval."
    ]
    if results["dataset"].get("num_classes") == 1:
        notes.append(
            "With one class no label can be wrong where there is ground truth: give what surrounds it a class too."
        )
    notes += _what_so_many_images_show(results)
    if partial := results.get("partial"):
        notes.append(
            f"This run was stopped early by an option ({partial['option']}): it is about {images_of(results)}, not "
            "about the data set."
        )
    notes += [f"Warning: {text}." for text in results["dataset"].get("warnings", ())]
    notes += notes_on_data(results)
    if skipped := results["dataset"].get("skipped"):
        notes.append(f"{len(skipped)} of the images could not be read and were skipped; results.json names them.")
    if void := [f"{row['name']} {per_cent(row['void'])} %" for row in results["rows"] if row.get("void")]:
        notes.append(f"Pixels without any class, scored as wrong: {', '.join(void)}.")
    notes += notes_on_truth(results)
    if shows_borders:
        notes.append("bIoU: Boundary IoU, void taken out before the bands are made.")
    notes += [
        f"{column['heading']}: {column['note']}."
        for metric in results.get("metrics", ())
        for column in metric["columns"]
        if column["note"] and "table" in column["shown"]
    ]
    if shows_paper:
        notes.append(PAPER_NOTES[results["dataset"]["name"]])
    return notes


def _what_so_many_images_show(results: Results) -> list[str]:
    """Say what the number of images allows to find; of rows for which they are too few, only that."""
    images = count(len(results["dataset"]["ids"]), "image")
    tests = {row["name"]: row["difference"][METRIC] for row in results["rows"] if "difference" in row}
    undecidable = {name: test["enough"] for name, test in tests.items() if test["verdict"] == TOO_FEW}
    finest = [test["detectable"] for name, test in tests.items() if test["detectable"] and name not in undecidable]
    notes = []
    if finest:
        sizes, by_row = span(finest), "" if len(finest) == 1 else ", depending on the row,"
        notes.append(
            f"With {images} a true difference of {sizes} points{by_row} is found 4 times in 5; smaller ones are often "
            "missed."
        )
    if undecidable:
        whom = next(iter(undecidable)) if len(undecidable) == 1 else count(len(undecidable), "row")
        notes.append(
            f"{images} cannot decide about {whom}: whatever had come out, no p-value could be below 0.05 after "
            f"correction for {count(len(tests), 'row')}. It takes {at_least(undecidable.values())} images at least."
        )
    return notes


def tags_table(row: Row) -> TextTable:
    """Lay out a row's regions by tag."""
    cells = [
        [tag["tag"], str(tag["count"]), *(per_cent(tag[key]) for key in ("before", "after", "of_loss", "of_gain"))]
        for tag in row["tags"]
    ]
    header = ["regions", "count", "IoU before", "IoU after", "of all loss", "of all gain"]
    return TextTable(f"Regions of {row['name']}", header, cells, ["A region with several tags counts under each."])


def harm_table(rows: Sequence[Row]) -> TextTable:
    """Lay out whom each row helps and harms."""
    cells = []
    for row in rows:
        if "harm" not in row:
            continue
        harm = row["harm"]
        ends = [f"{h[0]['id']} {points(h[0]['difference'])}" if (h := harm[end]) else "-" for end in ("best", "worst")]
        cells.append([row["name"], *(per_cent(harm[key]) for key in ("improved", "unchanged", "worse")), *ends])
    header = ["row", "improved", "unchanged", "worse", "best image", "worst image"]
    return TextTable("Images, by mIoU over the classes of their ground truth", header, cells)


def ends_table(row: Row) -> TextTable:
    """List the images that a row helps and harms most, and the region to blame."""
    cells = []
    for image in [*row["harm"]["best"], *reversed(row["harm"]["worst"])]:
        region = image["region"]
        blamed = ["-"] * 4
        if region is not None:
            corners = " ".join(map(str, region["box"]))
            blamed = [
                region["class"],
                corners,
                ", ".join(region["tags"]),
                points(_less(region["after"], region["before"])),
            ]
        cells.append([image["id"], points(image["difference"]), *blamed])
    header = ["image", "diff.", "region", "box", "tags", "its IoU"]
    return TextTable(f"Best and worst images of {row['name']}", header, cells)


def classes_table(rows: Sequence[Row]) -> TextTable:
    """Lay out each class's IoU in the baseline and every row's difference; classes without any are left out."""
    cells = []
    for index, own in enumerate(rows[0]["per_class"]):
        if own["iou"] is not None:
            differences = [points(row["per_class"][index]["difference"]) for row in rows[1:]]
            cells.append([own["class"], per_cent(own["iou"]), *differences])
    return TextTable("Classes, IoU and differences", ["class", *(row["name"] for row in rows)], cells)


def per_cent(value: float | None) -> str:
    """Format a fraction in per cent; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.2f}"


def points(value: float | None) -> str:
    """Format a difference of fractions in points, with its sign; what rounds to 0 has none."""
    return "-" if value is None else _signed(100 * value, 2)


def _number(value: float | None, column: Mapping[str, Any]) -> str:
    """Format a metric's number in its column's unit."""
    return per_cent(value if value is None or column["unit"] == "per cent" else value / 100)


def images_of(results: Results) -> str:
    """Format what a run is about: ``100 images``, or ``2 of 100 images`` where it was told to stop early."""
    number = len(results["dataset"]["ids"])
    if partial := results.get("partial"):
        return f"{number} of {count(partial['of'], 'image')}"
    return count(number, "image")


def span(values: Iterable[float]) -> str:
    """Format sizes of differences of fractions, in points with one decimal: ``5.1 to 12.3``, or ``5.1``."""
    ends = [f"{100 * abs(value):.1f}" for value in sorted(values, key=abs)]
    return ends[0] if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def at_least(numbers: Iterable[int | None]) -> str:
    """Format the numbers of images that rows need: ``8``, or ``8 to 40``."""
    ends = sorted(number for number in numbers if number is not None)
    return str(ends[0]) if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def count(number: int, what: str) -> str:
    """Format a number of things: ``1 image``, ``2 images``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text if float(text) else text[1:]


def interval(test: Interval) -> str:
    """Format a difference's interval."""
    return "-" if test["low"] is None else f"[{points(test['low'])}, {points(test['high'])}]"
