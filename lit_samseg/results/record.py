"""A finished run as a folder: ``results.json`` and what it was made from (SPEC 5)."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from lit_samseg.errors import InputError
from lit_samseg.metrics.scores import COUNTS, score
from lit_samseg.results.contents import Results, RunFacts
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.numbers import finite
from lit_samseg.results.other_metrics import Numbers, score_again
from lit_samseg.results.row_contents import Row, RowParts
from lit_samseg.results.rows import describe_rows
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.runtime.versions import installed_versions

SCHEMA_VERSION: Literal[3] = 3


@dataclass(frozen=True)
class RunRecord:
    """All that a finished run leaves behind.

    Attributes:
        evidence: Counts and regions.
        class_names: ``C`` names.
        facts: Further fields of ``results.json`` (created, versions, dataset, baseline, sam, device, timing, ...).
        metric_scores: By row, what metrics beside pixels and borders say of it.
        parts: By row, what it is made of; rows of earlier releases are not there, and the baseline never is.
    """

    evidence: Evidence
    class_names: Sequence[str]
    facts: RunFacts
    metric_scores: Mapping[str, Numbers] = field(default_factory=dict)
    parts: Mapping[str, RowParts] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "RunRecord":
        """Read a finished run's folder.

        Raises:
            InputError: It holds none, or one of a release whose files had other fields.
        """
        results = read_results(folder)
        facts = cast(RunFacts, {key: value for key, value in results.items() if key not in ("schema_version", "rows")})
        # Earlier releases had neither.
        facts.setdefault("tags", [])
        facts.setdefault("cache", None)
        evidence = Evidence.read(folder)
        parts = {row["name"]: row["parts"] for row in results["rows"] if "parts" in row}
        return cls(evidence, results["dataset"]["class_names"], facts, score_again(results, evidence), parts)

    def write(self, folder: Path) -> Results:
        """Write the files, ``results.json`` last, and return what it holds."""
        self.evidence.write(folder)
        with atomic_file(folder / "ids.txt") as path:
            path.write_text("".join(f"{i}\n" for i in self.evidence.ids), encoding="utf-8")
        return self.write_results(folder)

    def write_results(self, folder: Path) -> Results:
        """Write what follows from the evidence: the tables and ``results.json``; return what that holds."""
        _write_csv(folder / "per_image.csv", self._per_image())
        _write_csv(folder / "per_class.csv", self._per_class())
        results = self.results()
        with atomic_file(folder / "results.json") as path:
            text = json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
        return results

    def results(self) -> Results:
        """Return the content of ``results.json``; scores are fractions, null where there is none."""
        rows = describe_rows(self.evidence, self.class_names, self.facts.get("tags", ()))
        for row in rows:
            if numbers := self.metric_scores.get(row["name"]):
                row["metrics"] = numbers
            if row["name"] in self.parts:
                row["parts"] = self.parts[row["name"]]
        return self.results_of(rows)

    def results_of(self, rows: list[Row]) -> Results:
        """Return ``results.json`` with other rows."""
        return {"schema_version": SCHEMA_VERSION, **self.facts, "rows": rows}

    def _per_image(self) -> Iterable[Sequence[object]]:
        yield ("id", "row", "miou", "miou_gt_present", "macc", "pixel_acc")
        for n, image_id in enumerate(self.evidence.ids):
            for row, counts in zip(self.evidence.rows, self.evidence.counts, strict=True):
                s = score(counts[:, n : n + 1])
                values = (s.miou, s.miou_gt_present, s.macc, s.pixel_acc)
                yield (image_id, row, *map(finite, values))

    def _per_class(self) -> Iterable[Sequence[object]]:
        yield ("row", "class_id", "class", "iou", "acc", "difference", *COUNTS)
        baseline = score(self.evidence.counts[0])
        for row, counts in zip(self.evidence.rows, self.evidence.counts, strict=True):
            s, pooled = score(counts), counts.sum(axis=1)
            for i, name in enumerate(self.class_names):
                values = (s.iou[i], s.acc[i], s.iou[i] - baseline.iou[i])
                yield (row, i, name, *map(finite, values), *pooled[:, i].tolist())


def read_results(folder: Path) -> Results:
    """Read a finished run's ``results.json``.

    Raises:
        InputError: There is none, or one of a later release.
    """
    path = folder / "results.json"
    try:
        results: Results = json.loads(path.read_text(encoding="utf-8"))
        version, _ = results["schema_version"], results["dataset"]["class_names"]
    except OSError as error:
        raise InputError(f"no such run: {path} cannot be read; give the output folder of a finished test") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the results.json of a test; give its output folder") from error
    if version > SCHEMA_VERSION:
        raise InputError(f"{path} has schema_version {version}, this release reads up to {SCHEMA_VERSION}; update it")
    return results


def provenance() -> dict[str, Any]:
    """Return ``created`` and ``versions`` of a run that ends now."""
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), "versions": installed_versions()}


def _write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with atomic_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
