"""A study's file: options laid over options, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lit_samseg.study.layering import lay_over
from lit_samseg.study.plan import folder_name, read_plan
from tests.conftest import PROJECT, SHARED, refuses
from tests.study.conftest import ROWS, Write, small_study, write_study


def test_a_pairs_options_are_laid_over_the_shared_ones(study_file: Write) -> None:
    plan = read_plan(study_file())
    assert plan.title == "Small"
    first, second, third = plan.pairs
    assert first.options["data"]["init_args"] == {"size": 3, "split": "test"}
    assert second.options["data"]["init_args"] == {"size": 3, "split": "val"}
    assert third.options["data"]["init_args"] == {"size": 2}
    assert (first.rows, third.rows) == (ROWS, ROWS[1:])
    arguments = first.options["model"]["init_args"]
    assert arguments["variants"] == ROWS
    assert arguments["analysis"] is False
    assert arguments["sam"]["init_args"] == {"checkpoint": "demo"}
    assert [pair.folder for pair in plan.pairs] == ["test_x_DeepLab", "val_x_DeepLab", "two_of_test_x_DeepLab"]


def test_a_class_that_is_replaced_loses_its_options() -> None:
    below = {"class_path": "lit_samseg.data.Scenes", "init_args": {"size": 3}}
    assert lay_over(below, {"class_path": "Scenes", "init_args": {"split": "val"}}) == {
        "class_path": "lit_samseg.data.Scenes",
        "init_args": {"size": 3, "split": "val"},
    } | {"class_path": "Scenes"}
    other = {"class_path": "lit_samseg.data.VOC2012", "init_args": {"root": "data"}}
    assert lay_over(below, other) == other
    assert lay_over([1, 2], [3]) == [3]
    assert lay_over({"a": {"b": 1}, "c": 2}, {"a": {"d": 3}}) == {"a": {"b": 1, "d": 3}, "c": 2}


def test_a_configuration_is_a_place_to_start_from(study_file: Write) -> None:
    pair = {"name": "demo", "config": str(PROJECT / "configs/demo.yaml"), "data": {"init_args": {"size": 5}}}
    (read,) = read_plan(study_file(pairs=[pair])).pairs
    was = yaml.safe_load((PROJECT / "configs/demo.yaml").read_text())["model"]["init_args"]
    arguments = read.options["model"]["init_args"]
    # Its own options, then what all pairs share, then the pair's: rows that are to be pooled are the study's.
    assert arguments["save_predictions"] is was["save_predictions"] is True
    assert arguments["variants"] == ROWS != was["variants"]
    assert read.options["data"]["init_args"] == {"size": 5, "split": "test"}


def test_rows_with_names_of_their_own_are_pooled_by_them(study_file: Write) -> None:
    (pair,) = read_plan(study_file(rows=["baseline", {"mine": "box"}, "auto"], pairs=[{"name": "a"}])).pairs
    assert pair.rows == ["mine", "auto"]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"pairs": []}, ["has no pairs", "give a list"]),
        ({"pairs": {"name": "a"}}, ["has no pairs"]),
        ({"pairs": [{"data": {}}]}, ["pair 1 has no name"]),
        ({"pairs": ["a"]}, ["pair 1 has no name"]),
        ({"pairs": [{"name": "a"}, {"name": "A"}]}, ["name 'a'", "a name of its own"]),
        ({"pairs": [{"name": "a b"}, {"name": "a?b"}]}, ["folder 'a_b'", "a name of its own"]),
        ({"pairs": [{"name": "a", "dataset": {}}]}, ["pair 'a' has 'dataset'", "baseline, sam, rows"]),
        ({"row": ["box"]}, ["has 'row'", "rows"]),
        ({"rows": "box"}, ["rows is no list", "rows: [auto, box]"]),
        ({"rows": []}, ["has no rows"]),
        ({"sam": None, "pairs": [{"name": "a", "config": "no/such.yaml"}]}, ["pair 'a': config no/such.yaml is not"]),
    ],
)
def test_faults_are_named(changes: dict[str, Any], parts: list[str], study_file: Write) -> None:
    path = study_file(**changes)
    refuses(lambda: read_plan(path), path, *parts)


@pytest.mark.parametrize("key", ["data", "baseline", "sam"])
def test_what_a_pair_lacks_is_named(key: str, tmp_path: Path) -> None:
    study = small_study()
    del study[key]
    study["pairs"] = [{"name": "a"}]
    path = write_study(tmp_path / "study.yaml", study)
    refuses(lambda: read_plan(path), f"pair 'a' has no {key}", "class_path")


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    refuses(lambda: read_plan(tmp_path / "no.yaml"), tmp_path / "no.yaml", "is not there")
    (tmp_path / "list.yaml").write_text("- a\n")
    refuses(lambda: read_plan(tmp_path / "list.yaml"), tmp_path / "list.yaml", "is no mapping")


def test_names_become_folders() -> None:
    assert folder_name("VOC 2012 x DeepLab/v3: s1.0") == "VOC_2012_x_DeepLab_v3_s1.0"
    assert folder_name("../..") == "pair"
    assert len(folder_name("x" * 300)) == 60


@pytest.mark.parametrize("name", ["study_demo", "study_shared"])
def test_the_shipped_studies_can_be_read(name: str) -> None:
    plan = read_plan(PROJECT / f"configs/{name}.yaml")
    assert len(plan.pairs) >= 3
    assert all("auto" in pair.rows for pair in plan.pairs)


def test_shared_data_are_where_the_shipped_study_says() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"needs {SHARED}")
    for pair in read_plan(PROJECT / "configs/study_shared.yaml").pairs:
        assert (PROJECT / pair.options["data"]["init_args"]["root"]).is_dir()
