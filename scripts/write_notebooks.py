#!/usr/bin/env python
"""Make Jupyter notebooks of the pages in ``docs/notebooks``, which are Markdown that Jupytext reads.

Usage: python scripts/write_notebooks.py [--execute] [FOLDER]

    FOLDER     where they go (build/notebooks)
    --execute  run them there, so that they hold their pictures and tables
"""

import argparse
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbformat import NotebookNode

PAGES = Path(__file__).parent.parent / "docs/notebooks"
SECONDS = 600
"""What a cell may take, at most."""


def read_notebook(page: Path, values: Mapping[str, str] | None = None) -> NotebookNode:
    """Read a page as a notebook.

    Args:
        page: The Markdown file.
        values: Lines to put in the place of lines of code that assign the same names, as a reader does for data of
            their own: ``{"PICTURES, MASKS": '"here", "there"'}``.

    Raises:
        KeyError: No line assigns these names.
    """
    text = page.read_text(encoding="utf-8")
    for names, value in (values or {}).items():
        text, count = re.subn(rf"^{re.escape(names)} = .*$", lambda _: f"{names} = {value}", text, flags=re.MULTILINE)  # noqa: B023
        if count != 1:
            raise KeyError(f"{page} assigns {names} {count} times")
    return jupytext.reads(text, fmt="md")


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run a notebook's cells in a folder, with this Python and the commands beside it.

    Raises:
        CellExecutionError: A cell failed.
    """
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # Where ipywidgets are not installed, a library says so in each notebook.
    surroundings = os.environ | {"PATH": commands, "PYTHONWARNINGS": "ignore:IProgress not found"}
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute(
        env=surroundings
    )


def main() -> None:
    """Write the notebooks."""
    parser = argparse.ArgumentParser(description="Make Jupyter notebooks of the pages in docs/notebooks.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/notebooks"), help="(build/notebooks)")
    parser.add_argument("--execute", action="store_true", help="run them, so that they hold pictures and tables")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for page in sorted(PAGES.glob("*.md")):
        notebook = read_notebook(page)
        if options.execute:
            execute(notebook, options.folder)
        path = options.folder / f"{page.stem}.ipynb"
        jupytext.write(notebook, path)
        print(f"Written to {path}")


if __name__ == "__main__":
    main()
