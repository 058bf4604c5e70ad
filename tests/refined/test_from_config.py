"""A finished run's row again, in Python."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from lit_samseg import Refiner
from lit_samseg.data import Scenes
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.errors import InputError
from tests.conftest import PROJECT, RunCli
from tests.recomputation import read_predictions

DEMO = PROJECT / "configs/demo.yaml"


def written(folder: Path, content: object) -> Path:
    path = folder / "some.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def demo() -> dict[str, dict[str, dict[str, object]]]:
    content: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    return content


def test_it_is_the_runs_row(run_cli: RunCli, tmp_path: Path) -> None:
    words = ("--data.size", "1", "--output_dir", tmp_path / "out", "--trainer.accelerator=cpu")
    quick = ("--gallery", "false", "--report", "false", "--model.analysis", "false")
    rows = "[{mine: {row: box@component/fuse, fuse: {weight: 0.7}}}, points]"
    outcome = run_cli("test", "--config", DEMO, *words, *quick, "--model.variants", rows)
    assert outcome.code == 0, outcome.err
    scenes = Scenes(size=1, split="test")
    scenes.setup("test")
    refiner = Refiner.from_config(tmp_path / "out", variant="mine", device="cpu")
    result = refiner(scenes.read(scenes.ids[0], with_target=False).image)
    for row, ours in (("baseline", result.baseline), ("mine", result.label_map)):
        (theirs,) = read_predictions(tmp_path / "out/predictions" / row).values()
        assert np.array_equal(ours, theirs)
    assert result.changed > 0
    assert refiner.background == 0
    assert result.class_names is not None
    assert result.class_names[0] == "background"
    with pytest.raises(InputError, match=r"config\.yaml has 2 rows, and auto is none of them; .* of mine, points"):
        Refiner.from_config(str(tmp_path / "out"))


def test_a_configuration_file_will_do(tmp_path: Path, demo: dict[str, dict[str, dict[str, object]]]) -> None:
    assert "samcrf" in Refiner.from_config(DEMO).variant.name
    demo["model"]["init_args"]["variants"] = ["box"]
    assert Refiner.from_config(written(tmp_path, demo)).variant.name == "box"
    assert Refiner.from_config(written(tmp_path, demo), "point+box", background=None).background is None


def test_label_maps_are_found_by_the_pictures_name(
    tmp_path: Path, demo: dict[str, dict[str, dict[str, object]]]
) -> None:
    scene, labels = generate_scene(99, 3)
    (tmp_path / "maps").mkdir()
    Image.fromarray(labels % 3).save(tmp_path / "maps/a.png")
    Image.fromarray(scene).save(tmp_path / "a.png")
    demo["model"]["init_args"]["baseline"] = {
        "class_path": "lit_samseg.baselines.Precomputed",
        "init_args": {"root": str(tmp_path / "maps")},
    }
    refiner = Refiner.from_config(written(tmp_path, demo), "box")
    assert np.array_equal(refiner(tmp_path / "a.png").baseline, labels % 3)
    assert set(refiner.refine(scene, labels % 3).masks()) <= set(refiner.class_names or ())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"data": 3}, r"some\.yaml has no 'data' and 'model' with a class_path; give the config\.yaml of a run"),
        (
            {"data": {"class_path": "lit_samseg.data.Scenes"}, "model": {"class_path": "x", "init_args": {}}},
            r"some\.yaml names no baseline and sam under model",
        ),
        ([1], r"configuration .*some\.yaml is no mapping"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, content: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Refiner.from_config(written(tmp_path, content))


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    for given in (tmp_path, tmp_path / "config.yaml"):
        with pytest.raises(InputError, match=r"no such configuration: .*config\.yaml; give the output folder of a run"):
            Refiner.from_config(given)


def test_what_it_names_must_be_there(tmp_path: Path, demo: dict[str, dict[str, dict[str, object]]]) -> None:
    demo["model"]["init_args"]["sam"] = {"class_path": "lit_samseg.sam.Nothing"}
    with pytest.raises(InputError, match=r"the SAM of .*some\.yaml cannot be made: "):
        Refiner.from_config(written(tmp_path, demo))
