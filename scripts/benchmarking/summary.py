"""Medians over the repeats: one flat record per configuration, and the CSV of a suite."""

import csv
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .agreement import largest_difference, share_of_equal_pixels
from .job import Job
from .peaks import share_of_peak

Record = dict[str, Any]
"""``case``, ``row``, ``images``, ``repeats``, then numbers by column; ``stage:`` and ``miou:`` begin families."""

MEMORY = ("peak_mb", "added_mb", "cuda_mb")
REFERENCES = ("plain", "official encoder")


class Measured(NamedTuple):
    """A configuration and what each repeat of it gave."""

    job: Job
    results: list[dict[str, Any]]
    outputs: list[Path]


def reference_of(job: Job, jobs: Sequence[Job]) -> Job | None:
    """Return the plain loop, or official encoder, of the job's case."""
    return next((other for other in jobs if other.kind in REFERENCES and other.case == job.case), None)


def summarise(measured: Sequence[Measured], card: str | None = None) -> list[Record]:
    """Return a suite's records in the order of its configurations.

    Args:
        measured: What was measured.
        card: Name of the GPU that it was measured on; None for a CPU.
    """
    by_job = {one.job: one for one in measured}
    records = []
    for one in measured:
        reference = reference_of(one.job, list(by_job))
        records.append(_record(one, None if reference is None else by_job[reference], card))
    return records


def _record(one: Measured, reference: Measured | None, card: str | None) -> Record:
    job, results = one.job, one.results
    seconds = [result["seconds"] for result in results]
    middle = statistics.median(seconds)
    record: Record = {"case": job.case, "row": job.row, "images": job.images, "repeats": len(results)}
    record |= {"images_per_second": 1 / middle, "seconds": middle}
    record |= {"seconds_min": min(seconds), "seconds_max": max(seconds)}
    if "seconds_per_phrase" in results[0]:
        record["seconds_per_phrase"] = statistics.median(result["seconds_per_phrase"] for result in results)
    if reference is not None:
        record["speedup"] = statistics.median(result["seconds"] for result in reference.results) / middle
    if "flops" in results[0]:
        speed = statistics.median(result["flops"] for result in results) / middle
        record["tflops"] = speed / 1e12
        if (share := share_of_peak(card, job.precision, speed)) is not None:
            record["of_peak"] = share
    if busy := [result["busy"] for result in results if "busy" in result]:
        # Measured in runs of their own, which take longer.
        record["host_bound"] = max(0.0, 1 - statistics.median(busy) / middle)
    for stage in results[0].get("stages", {}):
        record[f"stage:{stage}"] = statistics.median(result["stages"][stage] for result in results)
    record |= {name: statistics.median(r[name] for r in results) for name in MEMORY if name in results[0]}
    if "miou" in results[0]:
        record["label_maps"] = len(results[0]["miou"])
    if reference is not None and reference is not one:
        pairs = list(zip(one.outputs, reference.outputs, strict=True))
        # The worst repeat.
        if reference.job.kind == "plain":
            record["identical"] = min(share_of_equal_pixels(*pair) for pair in pairs)
        else:
            record["max_difference"] = max(largest_difference(*pair) for pair in pairs)
    if job.blobs is None:
        record |= {f"miou:{row}": value for row, value in results[-1].get("miou", {}).items()}
    return record


def write_csv(records: Sequence[Record], path: Path) -> None:
    """Write records; a number that a configuration does not have is an empty cell."""
    columns = list(dict.fromkeys(name for record in records for name in record))
    # Families stand together, whoever has more of their members.
    columns.sort(key=lambda name: [":" not in name, name.startswith("stage:"), name.startswith("miou:")].index(True))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def read_csv(path: Path) -> list[Record]:
    """Read what `write_csv` wrote; empty cells are left out."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return [{name: _value(name, cell) for name, cell in line.items() if cell != ""} for line in lines]


def _value(name: str, cell: str) -> Any:
    return cell if name in ("case", "row") else float(cell)
