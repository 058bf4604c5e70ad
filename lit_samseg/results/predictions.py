"""Where a run's pictures of a row lie (SPEC 5)."""

from pathlib import Path


def prediction_path(folder: Path, row: str, image_id: str) -> Path:
    """Return a picture's path without its suffix; ``/`` in a row's name would be a sub-folder."""
    return folder / row.replace("/", "__") / image_id
