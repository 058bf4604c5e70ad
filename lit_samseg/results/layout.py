"""Where the files of a run lie in its folder (SPEC 5)."""

from pathlib import Path

REPORT = "report.html"


def prediction_path(folder: Path, row: str, image_id: str) -> Path:
    """Return a picture's path without its suffix; ``/`` in a row's name would be a sub-folder."""
    return folder / row.replace("/", "__") / image_id
