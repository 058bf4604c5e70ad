"""Two runs' folders, compared but for what tells the time."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

VARYING = ("created", "timing", "processes", "peak_memory_mb", "resumed", "world_size")
"""What ``results.json`` says of the machine and the day."""


def assert_same(ours: Path, theirs: Path, varying: Collection[str] = VARYING) -> None:
    """Compare the names of all files, and the bytes of those that tell no time and no folder."""
    names, others = ({str(path.relative_to(run)) for path in run.rglob("*")} for run in (ours, theirs))
    assert names == others, names ^ others
    for name in (name for name in names if (ours / name).is_file()):
        if name not in ("results.json", "config.yaml", "report.html"):
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    assert _without(varying, ours) == _without(varying, theirs)


def _without(varying: Collection[str], folder: Path) -> dict[str, Any]:
    results = json.loads((folder / "results.json").read_text())
    # A path.
    del results["baseline"]["checkpoint"]
    return {key: value for key, value in results.items() if key not in varying}
