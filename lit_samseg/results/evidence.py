"""A run's exact numbers as files: everything else can be computed from them again."""

import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.metrics.scores import COUNTS
from lit_samseg.results.recognition import RecognitionCounts
from lit_samseg.results.regions import RegionLine, read_regions, write_regions
from lit_samseg.runtime.atomic import atomic_file

BOUNDARY = ("before", "after", "trimap", "trimap_void", "mba")

_OTHERS = ("boundary.npz", "ladder.npz", "metrics.npz", "recognition.npz")

_RENAMED = {"prompts": "true prompts"}
"""What steps were called by releases with another ``schema_version``."""


@dataclass(frozen=True)
class Evidence:
    """Counts and regions of a run.

    Attributes:
        rows: Row names, baseline first, ``R`` of them.
        ids: Image ids, ``N`` of them.
        counts: int64 ``[R, 3, N, C]``: intersection, gt_area, pred_area.
        boundary: int64 arrays by name, or None: ``before`` and ``after`` ``[R, 3, N, C]``, ``trimap`` ``[R, W, 3, C]``
            and ``trimap_void`` ``[W]`` summed over the images, ``mba`` ``[R, 2, N, 5]``
            (see :class:`~lit_samseg.metrics.boundary_counts.BoundaryCounts`).
        steps: The ladder's steps, ``S`` of them.
        ladder: int64 ``[L, S, 3, N, C]``, or None where no analysis was made.
        regions: The regions (``write_regions``), or None.
        ladder_rows: Names of the rows that have a ladder, ``L`` of them.
        metrics: Counts of metrics beside pixels and borders, by word and name: ``[R, N, ...]``, or ``[R, ...]`` where
            they were summed over the images.
        recognition: What the rows would gain from knowing more of what is in the images, or None.
    """

    rows: Sequence[str]
    ids: Sequence[str]
    counts: NDArray[np.int64]
    boundary: dict[str, NDArray[np.int64]] | None = None
    steps: Sequence[str] = ()
    ladder: NDArray[np.int64] | None = None
    regions: list[RegionLine] | None = None
    ladder_rows: Sequence[str] = ()
    metrics: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)
    recognition: RecognitionCounts | None = None

    def write(self, folder: Path) -> None:
        """Write ``counts.npz`` and, where there are, the other arrays and ``regions.csv``.

        Where there are none, those of an earlier run in the same folder are removed: they are not of these counts.
        """
        ids, rows = np.array(self.ids), np.array(self.rows)
        others: dict[str, object] = {
            "boundary.npz": self.boundary,
            "ladder.npz": self.ladder,
            "metrics.npz": self.metrics or None,
            "regions.csv": self.regions,
            "recognition.npz": self.recognition,
        }
        for name in [name for name, numbers in others.items() if numbers is None]:
            (folder / name).unlink(missing_ok=True)
        _write(folder / "counts.npz", ids=ids, rows=rows, **_by_name(self.counts, 1))
        if self.boundary is not None:
            _write(folder / "boundary.npz", ids=ids, rows=rows, **self.boundary)
        if self.ladder is not None:
            steps = np.array(self.steps)
            _write(
                folder / "ladder.npz", ids=ids, rows=np.array(self.ladder_rows), steps=steps, **_by_name(self.ladder, 2)
            )
        if self.metrics:
            named = {f"{word}.{name}": a for word, counts in self.metrics.items() for name, a in counts.items()}
            _write(folder / "metrics.npz", ids=ids, rows=rows, **named)
        if self.recognition is not None:
            _write(folder / "recognition.npz", ids=ids, rows=rows, **self.recognition.arrays())
        if self.regions is not None:
            write_regions(folder / "regions.csv", self.regions)

    @classmethod
    def read(cls, folder: Path) -> "Evidence":
        """Read what ``write`` wrote.

        Raises:
            InputError: ``counts.npz`` is missing, or a file is broken.
        """
        counts = _read(folder / "counts.npz")
        if counts is None:
            raise InputError(f"{folder} has no counts.npz; give the output folder of a finished test")
        others = {name: _read(folder / name) for name in _OTHERS}
        boundary, ladder, metrics, recognition = others.values()
        regions = folder / "regions.csv"
        try:
            evidence = cls(
                counts["rows"].tolist(),
                counts["ids"].tolist(),
                np.stack([counts[name] for name in COUNTS], axis=1),
                None if boundary is None else {name: boundary[name] for name in BOUNDARY},
                () if ladder is None else [_RENAMED.get(step, step) for step in ladder["steps"].tolist()],
                None if ladder is None else np.stack([ladder[name] for name in COUNTS], axis=2),
                read_regions(regions) if regions.is_file() else None,
                () if ladder is None else ladder["rows"].tolist(),
                {} if metrics is None else _by_word(metrics),
                None if recognition is None else RecognitionCounts.of_arrays(recognition),
            )
            for name, arrays in others.items():
                if arrays is not None:
                    evidence._check_same(folder / name, arrays["ids"].tolist(), arrays["rows"].tolist())
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{folder} holds no whole run ({error}); run the test again") from error
        known_rows, known_ids = set(evidence.rows), set(evidence.ids)
        if any(r["row"] not in known_rows or r["id"] not in known_ids for r in evidence.regions or []):
            raise InputError(f"{regions} is of another run than counts.npz; delete it or run the test again")
        return evidence

    def _check_same(self, path: Path, ids: Sequence[str], rows: Sequence[str]) -> None:
        # Not every row has a ladder.
        known = [row for row in self.rows if row in rows] if path.name == "ladder.npz" else list(self.rows)
        if list(ids) != list(self.ids) or list(rows) != known:
            raise InputError(f"{path} is of another run than counts.npz; delete it or run the test again")


def boundary_arrays(counts: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Return gathered boundary counts in the order of axes that ``boundary.npz`` has.

    Args:
        counts: ``before``, ``after``, ``mba`` ``[R, N, ...]``; ``trimap``, ``trimap_void`` ``[R, ...]``.
    """
    arrays = {name: np.ascontiguousarray(np.moveaxis(counts[name], 1, 2)) for name in ("before", "after", "mba")}
    # Void is the ground truth's, so every row counted the same.
    arrays |= {"trimap": counts["trimap"], "trimap_void": counts["trimap_void"][0]}
    return {name: arrays[name] for name in BOUNDARY}


def _by_name(counts: NDArray[np.int64], axis: int) -> dict[str, NDArray[np.int64]]:
    return {name: np.take(counts, i, axis) for i, name in enumerate(COUNTS)}


def _by_word(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, NDArray[Any]]]:
    words: dict[str, dict[str, NDArray[Any]]] = defaultdict(dict)
    for key, array in arrays.items():
        word, dot, name = key.partition(".")
        if dot:
            words[word][name] = array
    return dict(words)


def _write(path: Path, **arrays: NDArray[Any]) -> None:
    with atomic_file(path) as draft:
        np.savez_compressed(draft, allow_pickle=False, **arrays)


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    if not path.is_file():
        return None
    try:
        # Opened here, since NumPy leaves a broken file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read ({error}); run the test again") from error
