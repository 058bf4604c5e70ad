"""The table at the end of a run, looking like the paper's."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lit_samseg.results.paper import PAPER_NOTES, PAPER_SCORES


def results_table(results: dict[str, Any]) -> RenderableType:
    """Lay out ``results.json`` in per cent with two decimals; the paper's numbers beside the rows that have them.

    Differences to the baseline are taken on the classes of the ground truth, a set no prediction can change.
    """
    dataset = results["dataset"]
    paper = PAPER_SCORES.get(dataset["name"], {})
    baseline = results["rows"][0]
    shows_paper = any(row["name"] in paper for row in results["rows"])
    table = Table(
        title=f"{dataset['name']} {dataset['split']}, {len(dataset['ids'])} images, "
        f"{results['baseline']['name']} + {results['sam']['name']} ({results['sam']['precision']})",
        caption="mIoU*: over the classes of the ground truth; diff.: mIoU* against the baseline's.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("row", no_wrap=True)
    headings = ["mIoU", "mAcc", "mIoU*", "diff.", *(["paper\nmIoU/mAcc"] if shows_paper else [])]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in results["rows"]:
        cells = [
            row["name"],
            _per_cent(row["miou"]),
            _per_cent(row["macc"]),
            _per_cent(row["miou_gt_present"]),
            "" if row is baseline else _difference(row, baseline),
        ]
        if shows_paper:
            scores = paper.get(row["name"])
            cells.append("-" if scores is None else f"{scores[0]:.2f}/{scores[1]:.2f}")
        # Text, not markup: a name may hold brackets.
        table.add_row(*(Text(cell) for cell in cells))
    notes = [Text(PAPER_NOTES[dataset["name"]], style="dim")] if shows_paper else []
    return Group(table, *notes)


def _per_cent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _difference(row: dict[str, Any], baseline: dict[str, Any]) -> str:
    ours, theirs = row["miou_gt_present"], baseline["miou_gt_present"]
    return "-" if ours is None or theirs is None else f"{100 * (ours - theirs):+.2f}"
