"""Networks by their checkpoints' names on the command line, in place of classes."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from lit_samseg.checkpoints.weights import DEMO_WEIGHTS, sha256_of_file
from lit_samseg.cli.network_names import with_classes
from lit_samseg.sam import known_weights
from lit_samseg.search.configuration import Configuration
from tests.concepts import tiny_text_prompted
from tests.conftest import RunCli, SmallVoc
from tests.recomputation import results_of

SAM, BASELINE, CONCEPTS = "lit_samseg.sam.", "lit_samseg.baselines.", "lit_samseg.concepts."


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (
            ["--model.sam", "mobile_sam", "--x", "1"],
            ["--model.sam", SAM + "SegmentAnything", "--model.sam.checkpoint", "mobile_sam", "--x", "1"],
        ),
        (
            ["--model.init_args.sam=owner/name"],
            ["--model.init_args.sam", SAM + "HubSam", "--model.init_args.sam.checkpoint", "owner/name"],
        ),
        (
            ["--model.concepts.init_args.sam=demo"],
            [
                "--model.concepts.init_args.sam",
                SAM + "SegmentAnything",
                "--model.concepts.init_args.sam.checkpoint",
                "demo",
            ],
        ),
        (["--model.sam=a/b.pt"], ["--model.sam", SAM + "SegmentAnything", "--model.sam.checkpoint", "a/b.pt"]),
        (
            ["--model.baseline", "deeplabv3_resnet50"],
            [
                "--model.baseline",
                BASELINE + "TorchvisionDeepLab",
                "--model.baseline.architecture",
                "deeplabv3_resnet50",
            ],
        ),
    ],
)
def test_a_checkpoint_is_read_by_its_class(words: list[str], written: list[str]) -> None:
    assert with_classes(["test", *words]) == ["test", *written]


@pytest.mark.parametrize(
    "words",
    [
        ["--model.sam", "lit_samseg.sam.HubSam"],
        ["--model.sam", "HubSam"],
        ["--model.sam", "configs/sam.yaml"],
        ["--model.sam={class_path: lit_samseg.sam.HubSam, init_args: {checkpoint: a/b}}"],
        ["--model.sam.checkpoint", "mobile_sam"],
        ["--model.variants", "mobile_sam"],
        ["--model.sam"],
        ["--model.sam", "nothing_of_this_name"],
        ["--model.concepts", "HubConcepts"],
        ["--model.concepts", "sam3"],
    ],
)
def test_all_else_stays_as_it_is(words: list[str]) -> None:
    assert with_classes(words) == words


def test_a_class_goes_before_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "HubSam").mkdir()
    (tmp_path / "mine").mkdir()
    assert with_classes(["--model.sam", "HubSam"]) == ["--model.sam", "HubSam"]
    assert with_classes(["--model.sam", "mine"])[1] == SAM + "HubSam"


def test_a_folder_of_label_maps_alone_is_known(tmp_path: Path) -> None:
    for name in ("a.png", "b.PNG", ".DS_Store"):
        (tmp_path / name).touch()
    words = ["--model.baseline", str(tmp_path)]
    assert with_classes(words)[1:3] == [BASELINE + "Precomputed", "--model.baseline.root"]
    (tmp_path / "a.npz").touch()
    assert with_classes(words)[1] == BASELINE + "ScoreFolder"


def test_a_run_by_names_is_the_run_by_classes(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    # Under a name of one's own, so that it is read as any checkpoint file.
    own = shutil.copy(DEMO_WEIGHTS / "sam.safetensors", tmp_path / "own.safetensors")
    rows = ["--model.variants=[box]", "--model.analysis=false", "--data.ids=" + str(tmp_path / "ids.txt")]
    (tmp_path / "ids.txt").write_text("\n".join(small_voc.ids[:2]) + "\n")
    plain = run_cli(*small_voc.words(), *rows, "--model.sam.checkpoint", own, "--output_dir", tmp_path / "plain")
    assert plain.code == 0, plain.err
    named = [word for word in small_voc.words() if not word.startswith(("--model.sam", "--model.baseline"))]
    outcome = run_cli(
        *(*named, *rows, "--model.sam", own, f"--model.baseline={small_voc.coarse}"),
        *("--output_dir", tmp_path / "named"),
    )
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "named/counts.npz").read_bytes() == (tmp_path / "plain/counts.npz").read_bytes()
    one, other = results_of(tmp_path / "plain"), results_of(tmp_path / "named")
    assert (one["sam"], one["baseline"]) == (other["sam"], other["baseline"])


@pytest.mark.parametrize(
    ("model_type", "name"),
    [
        ("sam3", "HubConcepts"),
        ("sam3_video", "HubConcepts"),
        ("sam3_lite_text", "HubConcepts"),
        ("clipseg", "HubConcepts"),
        ("grounding-dino", "BoxesByText"),
        ("owlv2", "BoxesByText"),
    ],
)
def test_a_network_that_is_prompted_by_words_is_known_by_its_configuration(
    model_type: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    words = ["fit", "--model.concepts", str(tmp_path)]
    checkpoint = ["--model.concepts.checkpoint", str(tmp_path)]
    assert with_classes(words) == ["fit", "--model.concepts", CONCEPTS + name, *checkpoint]


@pytest.mark.parametrize(
    ("given", "content", "complaint"),
    [
        (
            "",
            '{"model_type": "segformer"}',
            "describes 'segformer', which is not prompted by words; of these are sam3, ",
        ),
        ("", "{", "config.json is not JSON"),
        ("nowhere/at/all", None, "no such text-prompted checkpoint: nowhere/at/all; give a folder"),
        ("sam3", None, "--model.concepts: no such class: sam3; did you mean facebook/sam3? "),
        ("owlv2-base-patch", None, "did you mean google/owlv2-base-patch16-ensemble? "),
        ("xyz", None, "give a class, a checkpoint's path or hub id, or one of facebook/sam3, CIDAS/"),
    ],
)
def test_a_mistaken_name_of_such_a_network(
    given: str, content: str | None, complaint: str, run_cli: RunCli, demo_config: Path, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    outcome = run_cli("test", "--config", demo_config, "--model.concepts", given or tmp_path)
    assert outcome.code == 2
    assert complaint in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_detector_has_a_sam_without_being_asked(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The built-in weights in the place of the published ones.
    known = known_weights.KNOWN_WEIGHTS["mobile_sam"]
    own = Path(shutil.copy(DEMO_WEIGHTS / "sam.safetensors", tmp_path / known.file_name))
    weights = known_weights.KnownWeights(known.url, sha256_of_file(own))
    monkeypatch.setitem(known_weights.KNOWN_WEIGHTS, "mobile_sam", weights)
    monkeypatch.setenv("LIT_SAMSEG_CACHE", str(tmp_path))
    folder = tiny_text_prompted.save("owlv2", tmp_path / "detector")
    words = ("test", "--config", demo_config, "--data.size=1", "--model.variants=[none@text]", "--model.analysis=false")
    words += ("--gallery=false", "--report=false", "--model.concepts", folder)
    counts = []
    for name, more in {"by default": (), "asked": ("--model.concepts.sam", "demo")}.items():
        outcome = run_cli(*words, *more, "--output_dir", tmp_path / name)
        assert outcome.code == 0, outcome.err
        assert results_of(tmp_path / name)["text"]["phrases"] == 15
        counts.append((tmp_path / name / "counts.npz").read_bytes())
    assert counts[0] == counts[1]
    assert results_of(tmp_path / "by default")["text"]["name"].startswith("detector+")


def test_the_built_in_network_that_is_prompted_by_words_by_its_name(
    run_cli: RunCli, demo_config: Path, tmp_path: Path
) -> None:
    own = str(shutil.copy(DEMO_WEIGHTS / "concepts.safetensors", tmp_path / "own.safetensors"))
    for name in ("demo", own):
        tiny = [f"{CONCEPTS}TinyConcepts", "--model.concepts.checkpoint", name]
        assert with_classes(["test", "--model.concepts", name]) == ["test", "--model.concepts", *tiny]
    words = ("test", "--config", demo_config, "--data.split=val", "--data.size=4")
    words += ("--model.analysis=false", "--gallery=false", "--report=false", "--output_dir", tmp_path / "run")
    words += ("--model.variants=[none@text,none@textonly]",)
    outcome = run_cli(*words, "--model.concepts", "demo")
    assert outcome.code == 0, outcome.err
    results = results_of(tmp_path / "run")
    assert results["text"]["phrases"] == 15
    assert results["text"]["checkpoint"] == "demo"
    scores = {row["name"]: row["miou"] for row in results["rows"]}
    assert min(scores["none@text"], scores["none@textonly"]) > scores["baseline"]


def test_a_file_needs_the_class_of_a_network(run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    content = yaml.safe_load(demo_config.read_text(encoding="utf-8"))
    content["model"]["init_args"]["concepts"] = "demo"
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))
    outcome = run_cli("test", "--config", tmp_path / "own.yaml")
    assert outcome.code == 2
    assert "--model.concepts: no such class: demo; a file names a checkpoint by class_path and init_args" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_search_takes_names_too(demo_config: Path) -> None:
    found = Configuration.of_words(["--config", str(demo_config), "--model.concepts=demo", "--model.sam", "mobile_sam"])
    model = found.values["model"]["init_args"]
    assert model["concepts"]["class_path"] == CONCEPTS + "TinyConcepts"
    assert model["sam"]["class_path"] == SAM + "SegmentAnything"
    assert model["sam"]["init_args"]["checkpoint"] == "mobile_sam"
