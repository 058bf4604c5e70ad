"""Records as tables for people."""

from collections.abc import Callable, Sequence
from typing import Any

from lit_samseg.results.text_table import TextTable

from .job import Job
from .suites import BOUNDARY_BUDGET_MS
from .summary import Record


def _digits(value: float) -> str:
    return f"{value:#.3g}" if value < 100 else f"{value:.0f}"


def _per_cent(digits: int) -> Callable[[float], str]:
    return lambda value: f"{100 * value:.{digits}f}"


# Name in a record, heading, and how it is written; those that no record has are left out.
_COLUMNS: list[tuple[str, str, Callable[[float], str]]] = [
    ("images_per_second", "images/s", _digits),
    ("seconds", "s/image", _digits),
    ("seconds_min", "min", _digits),
    ("seconds_max", "max", _digits),
    ("seconds_per_phrase", "s/phrase", _digits),
    ("speedup", "speed-up", lambda value: f"{value:.2f}x"),
    ("peak_mb", "peak MB", lambda value: f"{value:.0f}"),
    ("added_mb", "added MB", lambda value: f"{value:.0f}"),
    ("cuda_mb", "CUDA MB", lambda value: f"{value:.0f}"),
    ("identical", "identical %", _per_cent(4)),
    ("tflops", "TFLOP/s", _digits),
    ("of_peak", "of peak %", _per_cent(1)),
    ("host_bound", "idle %", _per_cent(1)),
    ("max_difference", "max difference", lambda value: f"{value:.1e}"),
]
_BOUNDARY: list[tuple[str, str, Callable[[float], str]]] = [
    ("seconds", "ms", lambda value: f"{1000 * value:.1f}"),
    ("seconds_min", "min", lambda value: f"{1000 * value:.1f}"),
    ("seconds_max", "max", lambda value: f"{1000 * value:.1f}"),
]
_NOTES = {
    "timing": (
        "Seconds per image; speed-up: over the plain loop. read: what no other stage took (for ours: waiting for data, "
        "and the trainer). count: ours has borders and torchmetrics' scores in it, the plain loop only a confusion "
        "matrix. added MB: peak above what was resident with the networks loaded. idle: of the time, while the GPU ran "
        "nothing.",
    ),
    "encoder": (
        "Seconds per frame; speed-up and largest difference: over the official encoder in fp32. of peak: of what the "
        "card's maker publishes for the row's precision, dense and without TF32.",
    ),
    "words": (
        "Seconds per image; without words and with them are the same row, fp32. asking: all phrases of one 375 x 500 "
        "image together, the encoding of the image among it. added MB: peak above what was resident with the networks "
        "loaded.",
    ),
    "boundary": (
        f"Boundary IoU, trimaps and mBA of one 375 x 500 map on one core; the budget is {BOUNDARY_BUDGET_MS} ms.",
    ),
}


def tables_of(suite: str, job: Job, records: Sequence[Record], machine: dict[str, Any]) -> list[TextTable]:
    """Return a suite's tables: times, and where there are scores those.

    Args:
        suite: Its name.
        job: One of its configurations.
        records: Of `summary.summarise` or `summary.read_csv`.
        machine: Of `machine.describe_machine`.
    """
    columns = list(_BOUNDARY if suite == "boundary" else _COLUMNS)
    stages = list(dict.fromkeys(name for record in records for name in record if name.startswith("stage:")))
    if stages:
        place = next(index for index, column in enumerate(columns) if column[0] == "peak_mb")
        columns[place:place] = [(name, name.removeprefix("stage:"), _digits) for name in stages]
    columns = [column for column in columns if any(column[0] in record for record in records)]
    note = _NOTES.get(suite, _NOTES["timing"])
    repeats = f"median of {int(records[0]['repeats'])} runs of {job.images}"
    tables = [_table(f"{suite}: {_what(job)}, {repeats}; {_machine(job, machine)}", columns, records, note)]
    scores = list(dict.fromkeys(name for record in records for name in record if name.startswith("miou:")))
    if scores:
        columns = [(name, name.removeprefix("miou:"), _per_cent(2)) for name in scores]
        scored = [record for record in records if any(name in record for name in scores)]
        tables.append(_table(f"{suite}: mIoU of the same {job.images} images, per cent", columns, scored, ()))
    return tables


def _table(
    title: str,
    columns: Sequence[tuple[str, str, Callable[[float], str]]],
    records: Sequence[Record],
    notes: Sequence[str],
) -> TextTable:
    rows = [
        [_name(record), *(write(record[name]) if name in record else "" for name, _, write in columns)]
        for record in records
    ]
    return TextTable(title, ["row", *(heading for _, heading, _ in columns)], rows, notes)


def _name(record: Record) -> str:
    return f"{record['row']}, {record['case']}" if record.get("case") else str(record["row"])


def _what(job: Job) -> str:
    if job.suite in ("encoder", "boundary"):
        return "one map" if job.suite == "boundary" else "one frame"
    data = "synthetic maps" if job.blobs else "built-in scenes" if job.root is None else "Pascal VOC 2012 val"
    return f"{data}, {len(job.variants) + 1} rows" if job.suite not in ("variants", "words") else data


def _machine(job: Job, machine: dict[str, Any]) -> str:
    if job.device == "cuda":
        return f"{machine['cuda']}, torch {machine['versions']['torch']}"
    return f"{machine['cpu']}, {machine['threads']} threads, torch {machine['versions']['torch']}"
