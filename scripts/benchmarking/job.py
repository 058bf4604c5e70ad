"""What one process is told to time; everything in it survives JSON."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Job:
    """One configuration.

    Attributes:
        kind: Which function of `worker` runs it.
        suite: The suite it belongs to.
        row: The configuration's name in tables.
        case: What else tells it from its neighbours (``20 regions``); empty where nothing does.
        images: Timed images (or passes).
        warmup: Images before the clock starts.
        device: ``cpu`` or ``cuda``.
        batch: Images that are computed together.
        root: Folder of Pascal VOC; None means the built-in scenes.
        baseline: Checkpoint of the baseline.
        sam: Checkpoint of SAM.
        blobs: Height, width, regions and classes of a synthetic image that takes the place of a data set.
        variants: The refined rows.
        concepts: Checkpoint of a text-prompted segmenter, or None.
        phrases: How many phrases it is asked at once, where it alone is timed.
        precision: SAM's arithmetic.
        cache_dir: Folder of encoded images, or None.
        compile: Compile the encoder.
        profile: Also add up how long the device works, which makes times longer.
        output: File for what is compared afterwards (label maps, features), or None.
    """

    kind: str
    suite: str = ""
    row: str = ""
    case: str = ""
    images: int = 1
    warmup: int = 1
    device: str = "cpu"
    batch: int = 1
    root: str | None = None
    baseline: str = "demo"
    sam: str = "demo"
    blobs: tuple[int, int, int, int] | None = None
    variants: tuple[str, ...] = ()
    concepts: str | None = None
    phrases: int = 0
    precision: str = "fp32"
    cache_dir: str | None = None
    compile: bool = False
    profile: bool = False
    output: str | None = None

    @property
    def title(self) -> str:
        """Row and case in one."""
        return f"{self.row}, {self.case}" if self.case else self.row

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        """Return one line that `from_json` reads."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        for name in ("blobs", "variants"):
            values[name] = None if values[name] is None else tuple(values[name])
        return cls(**values)
