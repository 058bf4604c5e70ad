"""The pictures of a file that is of all of them together: each is kept by itself until all are there."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lit_samseg.runtime.atomic import atomic_file


class Parts:
    """What a file will hold of each picture, in a hidden folder beside it.

    Args:
        whole: The file.
    """

    def __init__(self, whole: Path) -> None:
        self._folder = whole.parent / f".{whole.name}.parts"

    def put(self, key: str, part: Any) -> None:
        """Keep a picture's part, which must go into JSON."""
        with atomic_file(self._path(key)) as draft:
            draft.write_text(json.dumps([key, part]), encoding="utf-8")

    def has(self, key: str) -> bool:
        """Tell whether a picture's part is there, kept by this process or by one before."""
        return self._path(key).is_file()

    def all(self) -> Iterator[tuple[str, Any]]:
        """Yield the pictures' keys, ascending, and their parts."""
        contents = [json.loads(path.read_text(encoding="utf-8")) for path in self._folder.glob("[!.]*.json")]
        yield from sorted(contents, key=lambda content: str(content[0]))

    def remove(self) -> None:
        """Remove all parts: the file is written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        # A key may be longer than a file's name can be.
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
