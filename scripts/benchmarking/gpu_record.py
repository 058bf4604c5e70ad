"""What a GPU did, in one file that can be committed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_samseg.results.text_table import TextTable

from .peaks import peaks_of
from .summary import Record
from .targets import targets_of

JSON, MARKDOWN = "gpu.json", "gpu.md"


def write_gpu_record(
    folder: Path,
    facts: Mapping[str, Any],
    records: Mapping[str, Sequence[Record]],
    tables: Sequence[TextTable],
    sam: str,
) -> None:
    """Write ``gpu.json`` and the tables as ``gpu.md``.

    Args:
        folder: Where to.
        facts: The machine, with the card's name as ``cuda``, and how the program was called.
        records: Of every suite.
        tables: Of all suites.
        sam: The checkpoint that rows are made with.
    """
    peaks = peaks_of(facts["cuda"])
    known = None if peaks is None else {f"{name}_tflops": value for name, value in peaks._asdict().items()}
    suites = {suite: list(found) for suite, found in records.items()}
    targets = [target._asdict() for target in targets_of(records, sam)]
    content = {"machine": dict(facts), "peaks": known, "targets": targets, "suites": suites}
    (folder / JSON).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / MARKDOWN).write_text("\n".join(table.markdown() for table in tables), encoding="utf-8")
