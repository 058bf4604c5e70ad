"""What ``results.json`` holds, as types. Its JSON Schema is made from them, docstrings and all.

After a change: ``python scripts/write_schema.py``.
"""

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from lit_samseg.metrics.columns import Place, Unit
from lit_samseg.results.row_contents import Count, Limits, Precision, Row, Score, Seconds, Several


class SkippedImage(TypedDict):
    """An image that could not be read."""

    id: str
    error: str


class PassedOver(TypedDict):
    """Files beside the pictures."""

    count: Count
    suffixes: dict[str, Several]


class DatasetFacts(TypedDict):
    """The images and what their masks mean."""

    name: str
    split: str
    num_classes: Count
    class_names: list[str]
    ignore_index: int
    ids: list[str]
    label_values: NotRequired[Literal["auto", "indices", "colours", "binary"]]
    """How the masks of a folder of one's own were read (--data.label_values)."""
    void_share: NotRequired[Score]
    """Share of the ground truth's pixels that are void; null where there is no image."""
    skipped: NotRequired[list[SkippedImage]]
    """Images that could not be read and were left out (--data.on_error skip)."""
    background: NotRequired[int | None]
    """The class that is never prompted, and fills what no mask claims where rows paint."""
    turned: NotRequired[Count]
    """Pictures that were turned upright, as their EXIF data say (--data.exif)."""
    passed_over: NotRequired[PassedOver]
    """Files beside the pictures that were not read, and how many of each suffix."""
    masks_without_picture: NotRequired[Count]
    warnings: NotRequired[list[str]]
    """What looks like a mistake in how the data were understood."""


class BaselineFacts(TypedDict):
    """The semantic segmenter."""

    name: str
    checkpoint: str
    sha256: str | None
    void: NotRequired[Count]
    """What written label maps have where a row gives no class; absent where the baseline always gives one."""


class Trained(TypedDict):
    """A file of trained weights."""

    file: str
    sha256: str
    images: Count


class SamFacts(TypedDict):
    """The promptable segmenter."""

    name: str
    checkpoint: str
    sha256: str | None
    precision: Precision
    adapter: NotRequired[Trained]
    """Fine-tuned weights in place of the checkpoint's (--model.sam.adapter) and how many images they were trained
    on."""


class WordFacts(TypedDict):
    """The text-prompted segmenter, and what it cost the first process."""

    name: str
    checkpoint: str
    sha256: str | None
    precision: Precision
    needs_truth: bool
    """Whether it looks at the ground truth: an experiment, never a result."""
    phrases: Seconds
    """Of an image, on average."""
    seconds_per_phrase: Seconds | None
    """Null where nothing was asked."""
    calibration: NotRequired[Trained]
    """What answers are worth (--model.text) and how many images that was fitted on."""


class CacheUse(TypedDict):
    """How often a cache had what was asked of it."""

    hits: Count
    misses: Count


class CacheFacts(TypedDict):
    """Use of a cache."""

    dtype: NotRequired[Literal["fp32", "fp16"]]
    embeddings: NotRequired[CacheUse]
    label_maps: NotRequired[CacheUse]
    phrases: NotRequired[CacheUse]


class Partial(TypedDict):
    """How a run was stopped early."""

    of: Several
    option: str


class ProcessFacts(TypedDict):
    """One process."""

    images: Count
    seconds: Seconds
    waited: Seconds
    peak_mb_cpu: NotRequired[Seconds]
    peak_mb_cuda: NotRequired[Seconds]


class ColumnFacts(TypedDict):
    """A number of a metric, and how it is shown."""

    key: str
    heading: str
    unit: Unit
    higher_is_better: bool
    shown: list[Place]
    note: str


class MetricFacts(TypedDict):
    """A metric beside those of pixels and borders."""

    word: str
    path: str
    columns: list[ColumnFacts]


class RunFacts(TypedDict):
    """A run beside its rows."""

    created: str
    versions: dict[str, str]
    dataset: DatasetFacts
    baseline: BaselineFacts
    sam: SamFacts
    gate: NotRequired[Trained]
    """The learned gate (--model.gate) and how many images it was trained on; only where one was given."""
    memory: NotRequired[Trained]
    """The memory of features (--model.memory) and how many images it was fitted on; only where one was given."""
    text: NotRequired[WordFacts]
    """The text-prompted segmenter (--model.concepts); only where one was given."""
    cache: NotRequired[CacheFacts | None]
    """Use of --model.cache_dir by the first process; null where there was none. A network that is not cached is not
    named."""
    tags: list[str]
    """The tags regions may have; empty where no analysis was made of any."""
    device: str
    world_size: Several
    resumed: NotRequired[Count]
    """Images that an interrupted run had finished: they are in the scores, and not in the times."""
    partial: NotRequired[Partial]
    """Only where an option had the run stop early: how many images it would have had, and the option."""
    processes: NotRequired[list[ProcessFacts]]
    """Of each process its images, its seconds from the first to the last, how long it then waited for the others, and
    its peak memory in MiB."""
    timing: dict[str, Seconds]
    """Seconds per image by stage."""
    peak_memory_mb: dict[str, float]
    metrics: NotRequired[list[MetricFacts]]
    """Metrics beside those of pixels and borders (--model.metrics), and how their numbers are shown."""


class Results(RunFacts):
    """The whole file."""

    schema_version: Literal[3]
    rows: Annotated[list[Row], Limits(minItems=1)]
    """The baseline first."""
