"""From counts to the files of a run: ``results.json``, ``counts.npz`` and two CSV tables (SPEC 5)."""

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.metrics.counts import COUNTS
from lit_samseg.metrics.scores import Scores, score
from lit_samseg.results.atomic import atomic_file

SCHEMA_VERSION = 1

_DISTRIBUTIONS = (
    "lit_samseg",
    "torch",
    "torchvision",
    "lightning",
    "torchmetrics",
    "transformers",
    "segment_anything",
    "timm",
    "numpy",
    "opencv-python-headless",
)


@dataclass(frozen=True)
class RunRecord:
    """All that a finished run leaves behind.

    Attributes:
        rows: Row names, baseline first, ``R`` of them.
        ids: Image ids, ``N`` of them.
        counts: int64 ``[R, 3, N, C]``: intersection, gt_area, pred_area.
        class_names: ``C`` names.
        facts: Further fields of ``results.json`` (dataset, baseline, sam, device, timing, ...).
    """

    rows: Sequence[str]
    ids: Sequence[str]
    counts: NDArray[np.int64]
    class_names: Sequence[str]
    facts: dict[str, Any]

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the files, ``results.json`` last, and return what it holds."""
        with atomic_file(folder / "counts.npz") as path:
            arrays = {name: self.counts[:, i] for i, name in enumerate(COUNTS)}
            np.savez_compressed(path, allow_pickle=False, ids=np.array(self.ids), rows=np.array(self.rows), **arrays)
        with atomic_file(folder / "ids.txt") as path:
            path.write_text("".join(f"{i}\n" for i in self.ids), encoding="utf-8")
        _write_csv(folder / "per_image.csv", self._per_image())
        _write_csv(folder / "per_class.csv", self._per_class())
        results = self.results()
        with atomic_file(folder / "results.json") as path:
            text = json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
        return results

    def results(self) -> dict[str, Any]:
        """Return the content of ``results.json``; scores are fractions, null where there is none."""
        return {
            "schema_version": SCHEMA_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": installed_versions(),
            **self.facts,
            "rows": [self._row(name, score(c)) for name, c in zip(self.rows, self.counts, strict=True)],
        }

    def _row(self, name: str, scores: Scores) -> dict[str, Any]:
        return {
            "name": name,
            "miou": _finite(scores.miou),
            "miou_gt_present": _finite(scores.miou_gt_present),
            "macc": _finite(scores.macc),
            "pixel_acc": _finite(scores.pixel_acc),
            "per_class": [
                {
                    "class": class_name,
                    "iou": _finite(scores.iou[i]),
                    "acc": _finite(scores.acc[i]),
                    "gt_area": int(scores.gt_area[i]),
                }
                for i, class_name in enumerate(self.class_names)
            ],
        }

    def _per_image(self) -> Iterable[Sequence[object]]:
        yield ("id", "row", "miou", "miou_gt_present", "macc", "pixel_acc")
        for n, image_id in enumerate(self.ids):
            for row, counts in zip(self.rows, self.counts, strict=True):
                s = score(counts[:, n : n + 1])
                values = (s.miou, s.miou_gt_present, s.macc, s.pixel_acc)
                yield (image_id, row, *map(_finite, values))

    def _per_class(self) -> Iterable[Sequence[object]]:
        yield ("row", "class_id", "class", "iou", "acc", *COUNTS)
        for row, counts in zip(self.rows, self.counts, strict=True):
            s, pooled = score(counts), counts.sum(axis=1)
            for i, name in enumerate(self.class_names):
                yield (row, i, name, _finite(s.iou[i]), _finite(s.acc[i]), *pooled[:, i].tolist())


def installed_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide a number; a missing one is left out."""
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with atomic_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
