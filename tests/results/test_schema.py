"""The schema of ``results.json`` is what the types say, and refuses what they do not."""

import copy
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from scripts.write_schema import as_text, make_schema

PATH = files("lit_samseg.results") / "results.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(PATH.read_text(encoding="utf-8")))
TEST = {
    "value": 0.1, "low": None, "high": 0.2, "p": 0.5, "p_holm": 1.0, "verdict": "no evidence", "detectable": 0.1,
    "enough": 7,
}  # fmt: skip
TRAINED = {"file": "adapter.safetensors", "sha256": "00", "images": 3}
SCORES = {"miou": 0.5, "miou_gt_present": None, "macc": 1, "pixel_acc": 0.0}
END = {
    "id": "a", "difference": -0.1,
    "region": {"class": "cat", "box": [0, 0, 3, 4], "tags": ["clean"], "before": 0.5, "after": 0.25},
}  # fmt: skip
PART = {"word": "box", "class": "lit_samseg.refine.TightBox", "options": {"grow": 1.5}, "slot": "box"}
ROW = SCORES | {
    "name": "box",
    "void": 0.1,
    "per_class": [{"class": "cat", "iou": 0.5, "acc": None, "gt_area": 7, "difference": -0.1}],
    "difference": {"miou": TEST, "miou_gt_present": TEST, "macc": TEST},
    "boundary": {
        "iou_before": 0.1, "iou_before_gt_present": 0.1, "iou_after": 0.1, "iou_after_gt_present": None, "mba": 0.5,
        "trimap_miou": [0.5, None], "trimap_void_share": [0.5],
    },
    "ladder": [{"step": "refined", "miou": 0.5, "miou_gt_present": 0.5, "gain": -0.1}],
    "recognition": {
        "classes": 3, "missed_classes": 1, "absent_classes": 2, "objects": 5, "missed_objects": 2, "small_objects": 2,
        "missed_small_objects": 1, "components": 4, "wrong_components": 1, "by_scores": 0,
    },
    "tags": [{"tag": "clean", "count": 3, "before": 0.5, "after": None, "of_loss": 0.5, "of_gain": 0.5}],
    "harm": {"improved": 0.5, "unchanged": 0.25, "worse": 0.25, "best": [END], "worst": [END | {"region": None}]},
    "metrics": {"specks": {"per_image": 3.5, "area": None}},
    "parts": {
        "prompt": [PART], "regions": PART, "select": PART, "gate": None, "compose": [PART], "field": PART,
        "start": None, "rounds": 1,
    },
}  # fmt: skip
COLUMN = {"key": "area", "heading": "area", "unit": "per cent", "higher_is_better": False, "shown": ["log"], "note": ""}
RESULTS: dict[str, Any] = {
    "schema_version": 3,
    "created": "2026-01-01T00:00:00+00:00",
    "versions": {"torch": "2"},
    "dataset": {
        "name": "rooms", "split": "val", "num_classes": 1, "class_names": ["cat"], "ignore_index": 255, "ids": ["a"],
        "label_values": "binary", "void_share": None, "skipped": [{"id": "b", "error": "broken"}], "background": None,
        "turned": 0, "passed_over": {"count": 1, "suffixes": {".txt": 1}}, "masks_without_picture": 2, "warnings": [],
    },
    "baseline": {"name": "net", "checkpoint": "net.pth", "sha256": None, "void": 255},
    "sam": {"name": "sam", "checkpoint": "sam.pth", "sha256": "00", "precision": "bf16", "adapter": TRAINED},
    "gate": TRAINED,
    "cache": {"dtype": "fp16", "embeddings": {"hits": 1, "misses": 2}, "label_maps": {"hits": 1, "misses": 2}},
    "tags": ["tiny", "clean"],
    "device": "cpu",
    "world_size": 1,
    "resumed": 0,
    "partial": {"of": 3, "option": "limit_test_batches"},
    "processes": [{"images": 1, "seconds": 1.5, "waited": 0, "peak_mb_cpu": 10.0, "peak_mb_cuda": 10.0}],
    "timing": {"total": 1.0},
    "peak_memory_mb": {"cpu": 1.0},
    "metrics": [{"word": "specks", "path": "lit_samseg.metrics.specks:Specks", "columns": [COLUMN]}],
    "rows": [SCORES | {"name": "baseline", "per_class": ROW["per_class"]}, ROW],
}  # fmt: skip
OPTIONAL = {
    "void", "label_values", "void_share", "skipped", "background", "turned", "passed_over", "masks_without_picture",
    "warnings", "adapter", "gate", "cache", "dtype", "embeddings", "label_maps", "resumed", "partial", "processes",
    "peak_mb_cpu", "peak_mb_cuda", "difference", "enough", "boundary", "ladder", "recognition", "tags", "harm",
    "metrics", "parts", "slot",
}  # fmt: skip
MAPS = {("versions",), ("timing",), ("peak_memory_mb",), ("dataset", "passed_over", "suffixes")}
"""Objects whose keys are not names of the schema's."""


def places() -> list[tuple[Any, ...]]:
    """Return the ways to all values; of those that end alike, as the numbers of two differences do, one."""

    def below(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        yield at
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, lower in inner:
            yield from below(lower, (*at, key))

    return list({at[-2:]: at for at in below(RESULTS)}.values())


def changed(at: tuple[Any, ...], *new: Any) -> dict[str, Any]:
    """Return the results with a value replaced, or without it."""
    made: Any = copy.deepcopy(RESULTS)
    inner = made
    for key in at[:-1]:
        inner = inner[key]
    if new:
        inner[at[-1]] = new[0]
    else:
        del inner[at[-1]]
    return made  # type: ignore[no-any-return]


def value_at(at: tuple[Any, ...]) -> Any:
    value: Any = RESULTS
    for key in at:
        value = value[key]
    return value


def is_map(at: tuple[Any, ...]) -> bool:
    return at in MAPS or at[-1:] == ("options",) or (at[:1] == ("rows",) and "metrics" in at)


def test_the_file_is_made_from_the_types() -> None:
    assert PATH.read_text(encoding="utf-8") == as_text(make_schema()), "run scripts/write_schema.py"
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)


def test_descriptions_are_the_types_docstrings() -> None:
    row = VALIDATOR.schema["$defs"]["Row"]["properties"]
    assert row["metrics"]["description"] == "Numbers of the run's further metrics, by word and key."
    described = {key for key, value in VALIDATOR.schema["properties"].items() if "description" in value}
    assert {"gate", "cache", "resumed", "partial", "processes", "timing", "tags", "metrics"} <= described


def test_results_with_all_there_can_be() -> None:
    VALIDATOR.validate(RESULTS)
    least = {key: value for key, value in RESULTS.items() if key not in OPTIONAL or key == "tags"}
    VALIDATOR.validate(least | {"rows": RESULTS["rows"][:1]})


def test_a_missing_key_is_refused_and_an_optional_one_is_not() -> None:
    named = [at for at in places() if at and isinstance(at[-1], str) and not is_map(at[:-1])]
    assert len(named) > 100
    for at in named:
        # Some names are optional in one place alone.
        optional = at[-1] in OPTIONAL and at != ("tags",)
        optional &= at[-1] not in ("difference", "tags", "gate") or len(at) in (1, 3)
        assert VALIDATOR.is_valid(changed(at)) == optional, at


def test_an_unknown_key_is_refused_but_of_the_baseline() -> None:
    for at in places():
        if isinstance(value_at(at), dict) and not is_map(at):
            assert VALIDATOR.is_valid(changed((*at, "unknown"), 1)) == (at == ("baseline",)), at


@pytest.mark.parametrize("wrong", [[None, {}], True])
def test_a_value_of_another_type_is_refused(wrong: Any) -> None:
    for at in places():
        if not at or is_map(at[:-1]) or is_map(at):
            continue
        if wrong is True and isinstance(value_at(at), bool):
            continue
        assert not VALIDATOR.is_valid(changed(at, wrong)), at


def test_limits() -> None:
    for at, wrong in {
        ("rows",): [], ("rows", 1, "miou"): 1.5, ("rows", 1, "harm", "best", 0, "region", "box"): [1, 2, 3],
        ("world_size",): 0, ("schema_version",): 2, ("rows", 1, "difference", "macc", "verdict"): "maybe",
        ("sam", "precision"): "fp8", ("rows", 1, "difference", "miou", "enough"): 0,
    }.items():  # fmt: skip
        assert not VALIDATOR.is_valid(changed(at, wrong)), at
