"""Help: the commands' own options with their real defaults, and classes with a line each."""

import inspect
import re
from typing import Any, get_args

import pytest
import yaml

from lit_samseg import baselines, data, finetune, sam
from lit_samseg.cli.command_help import COMMANDS_WITH_HELP, HELP_ALL, TRAINED, command_help
from lit_samseg.cli.command_options import GROUPS, PAPER_ROWS
from lit_samseg.cli.data_names import data_classes, with_data_class
from lit_samseg.data import SegmentationDataModule
from lit_samseg.data.training import Training
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import PAPER_VARIANTS
from lit_samseg.sam import SegmentAnything
from tests.conftest import RunCli

LINKED = {"class_names", "background", "ignore_index"}
"""The data set says these."""

SOURCES: dict[str, Any] = {
    "--data": SegmentationDataModule,
    "--model": SamSegEvaluation,
    "--model.sam": SegmentAnything,
}
TRAINING: dict[str, Any] = {"--data.training": Training, "--model": finetune.SamRefinerFinetune}
"""Sources of what ``fit`` alone has."""
OPTIONS = [one for group in GROUPS.values() for one in group]


def options_of(group: str) -> set[str]:
    return {one.word.split(".")[1] for one in GROUPS[group] if "." in one.word}


def default_of(word: str, sources: dict[str, Any] = SOURCES) -> object:
    """Return an option's default as its class has it."""
    source, _, name = word.rpartition(".")
    return inspect.signature(sources[source]).parameters[name].default


EVALUATED = [one for one in OPTIONS if one.commands != ("fit",)]


@pytest.mark.parametrize("one", [one for one in EVALUATED if one.word.rpartition(".")[0] in SOURCES])
def test_defaults_are_those_of_the_classes(one: Any) -> None:
    if one.word == "--data.root":
        assert {inspect.signature(kind).parameters[one.word[7:]].default for kind in (data.VOC2012, data.ADE20K)} == {
            one.default
        }
        return
    default = default_of(one.word)
    if one.word == "--model.variants":
        shown = PAPER_ROWS if one.commands == ("test",) else "auto"
        assert one.default == shown
        assert ", ".join(map(str, PAPER_VARIANTS)) == PAPER_ROWS
    elif one.default is None:
        assert default in (None, [], inspect.Parameter.empty)
    else:
        assert yaml.safe_load(one.default) == default


@pytest.mark.parametrize("one", [one for one in GROUPS["training"] if one.word.rpartition(".")[0] in TRAINING])
def test_defaults_of_training_are_those_of_the_classes(one: Any) -> None:
    default = default_of(one.word, TRAINING)
    assert default == (None if one.default is None else yaml.safe_load(one.default.replace("1e-4", "1.0e-4")))


def test_what_training_shares_has_the_defaults_of_its_classes() -> None:
    """Where ``fit`` shows what ``test`` shows, the class that is trained has the same default."""
    known = inspect.signature(finetune.SamRefinerFinetune).parameters
    shared = [one for one in GROUPS["model"] if "fit" in one.commands and one.word.removeprefix("--model.") in known]
    assert {one.word for one in shared} >= {"--model.baseline", "--model.sam", "--model.cache_max_gb"}
    for one in shared:
        default = known[one.word.removeprefix("--model.")].default
        assert one.default is None or default == yaml.safe_load(one.default)
    assert default_of("--model.lr", {"--model": finetune.SegmenterFinetune}) == 1e-5


def test_options_of_fit_are_those_of_its_classes() -> None:
    """No option that is shown has been renamed or removed."""
    classes = [getattr(finetune, name) for name in TRAINED]
    known = {name for kind in classes for name in inspect.signature(kind).parameters}
    shown = [one.word.split(".")[1] for one in OPTIONS if "fit" in one.commands and one.word.startswith("--model.")]
    assert set(shown) <= known
    assert set(TRAINED) == {name for name in finetune.__all__ if name.endswith(("Finetune", "Calibration"))}


def test_no_option_is_left_out() -> None:
    # What trains is for fit, and fields of data sets are for --data.help.
    assert options_of("data") == {*inspect.signature(SegmentationDataModule).parameters, "root"} - {"training"}
    assert options_of("model") == set(inspect.signature(SamSegEvaluation).parameters) - LINKED


def test_the_options_of_a_run_are_there(run_cli: RunCli) -> None:
    outcome = run_cli("test", "--config", "demo", "--print_config")
    whole = yaml.safe_load(outcome.out)
    ours = {key for key in whole if key not in ("data", "model", "trainer", "optimizer", "lr_scheduler")}
    shown = {one.word.removeprefix("--"): one for one in GROUPS["run"]}
    assert {word for word in shown if not word.startswith("trainer.")} == ours
    for word, one in shown.items():
        value = whole["trainer"][word.removeprefix("trainer.")] if word.startswith("trainer.") else whole[word]
        assert value == (None if one.default is None else yaml.safe_load(one.default))


def test_choices_are_those_of_the_classes() -> None:
    for one in OPTIONS:
        source, _, name = one.word.rpartition(".")
        hint = inspect.signature(SOURCES[source]).parameters.get(name) if source in SOURCES else None
        choices = get_args(hint.annotation) if hint is not None else ()
        if choices and all(isinstance(choice, str) for choice in choices):
            assert set(one.value.split("|")) == set(choices)


@pytest.mark.parametrize("command", COMMANDS_WITH_HELP)
def test_help_of_a_command_is_short(command: str, run_cli: RunCli) -> None:
    outcome = run_cli(command, "--help")
    assert (outcome.code, outcome.out) == (0, command_help(command))
    assert run_cli(command, "--config", "demo", "-h").out == outcome.out
    lines = outcome.out.splitlines()
    assert len(lines) <= 80
    assert max(map(len, lines)) <= 120
    training = command == "fit"
    groups = ["data:", "model:", *["training:"] * training, "run:", "more:"]
    assert [line for line in lines if re.fullmatch(r"[a-z]+:", line)] == groups
    example = "voc_finetune_decoder" if training else "voc_deeplab_mobilesam"
    assert f"  lit-samseg {command} --config {example} " in outcome.out
    assert ("--model.lr" in outcome.out) == ("SamRefinerFinetune" in outcome.out) == training
    assert ("--report" in outcome.out) == (command == "test")
    assert ("--data.images" in outcome.out) == (command == "predict")


@pytest.mark.parametrize("command", ["test", "fit"])
def test_all_options_are_a_word_away(command: str, run_cli: RunCli) -> None:
    outcome = run_cli(command, HELP_ALL)
    assert outcome.code == 0
    assert "--trainer.gradient_clip_val" in outcome.out
    assert "--output_dir" in outcome.out


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["test", "--data.help"], list(data_classes())),
        (["predict", "--data.help", "--output_dir", "x"], list(data_classes())),
        (["test", "--model.help"], ["SamSegEvaluation"]),
        (["fit", "--model.help"], [name for name in finetune.__all__ if name.endswith(("Finetune", "Calibration"))]),
        (["test", "--model.sam.help"], ["HubSam", "OnnxSegmenter", "SegmentAnything"]),
        (["test", "--model.init_args.sam.help"], ["HubSam", "OnnxSegmenter", "SegmentAnything"]),
        (
            ["test", "--model.baseline.help"],
            [name for name in baselines.__all__ if hasattr(getattr(baselines, name), "predict")],
        ),
    ],
)
def test_classes_are_listed_with_a_line_each(words: list[str], names: list[str], run_cli: RunCli) -> None:
    outcome = run_cli(*words)
    assert (outcome.code, outcome.err) == (0, "")
    rows = dict(re.findall(r"^  (\w+) +(\S.*)$", outcome.out, re.MULTILINE))
    abstract = {"Baseline", "LogitBaseline", "ScoreBaseline", "TrainableBaseline"}
    assert list(rows) == [name for name in names if name not in abstract]
    # What is told to be typed next works.
    (hint,) = re.findall(r"Options of one: lit-samseg (.*)\n", outcome.out)
    further = run_cli(*hint.split())
    assert further.code == 0
    assert re.search(r"^  --(data|model)\.\S+", further.out, re.MULTILINE)


def test_the_names_of_checkpoints_are_among_them(run_cli: RunCli) -> None:
    assert "one of vit_h, vit_l, vit_b, mobile_sam, demo." in run_cli("test", "--model.sam.help").out
    assert "--model.sam.precision {fp32,bf16,fp16}" in run_cli("test", "--model.sam.help", sam.HubSam.__name__).out


def test_a_class_that_is_none(run_cli: RunCli) -> None:
    outcome = run_cli("test", "--model.sam.help=nothing")
    assert outcome.code == 2
    assert "--model.sam.help: no such class: nothing (see lit-samseg test --help)" in outcome.err
    outcome = run_cli("fit", "--data.help=nothing")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--data.help: no such class: nothing; give a class, or one of ade20k, " in outcome.err


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("voc2012", "VOC2012"),
        ("ade20k", "ADE20K"),
        ("coco-stuff", "COCOStuff"),
        ("Pascal_Context", "PascalContext"),
        ("folder", "Folder"),
        ("voc", "VOC2012"),
        ("VOC", "VOC2012"),
        ("pascal-voc", "VOC2012"),
        ("ade", "ADE20K"),
        ("cam", "CamVid"),
        ("city", "Cityscapes"),
        ("coco_s", "COCOStuff"),
        ("coco_pan", "COCOPanoptic"),
        ("context", "PascalContext"),
        ("demo", "Scenes"),
        ("scene", "Scenes"),
    ],
)
def test_a_data_set_by_its_name(given: str, kind: str) -> None:
    path = f"lit_samseg.data.{kind}"
    assert with_data_class(["test", "--data", given, "--x"]) == ["test", "--data", path, "--x"]
    assert with_data_class([f"--data.help={given}"]) == [f"--data.help={path}"]


def test_all_else_stays_as_it_is(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voc2012").mkdir()
    assert with_data_class(["--data", "voc2012"])[1] == "lit_samseg.data.VOC2012"
    (tmp_path / "ade20k").write_text("class_path: lit_samseg.data.ADE20K\n")
    for words in (
        ["--data", "ade20k"],
        ["--data"],
        ["--data", "mine.Data"],
        ["--data.root", "voc2012"],
        ["--data", ""],
        ["--data", "coco"],
        ["--data", "pascal"],
        ["--data", "vo"],
        ["--data", "c"],
    ):
        assert with_data_class(words) == words


def test_a_run_with_a_data_set_by_its_name(run_cli: RunCli) -> None:
    outcome = run_cli("test", "--config", "demo", "--data=scenes", "--data.size=7", "--print_config")
    assert outcome.code == 0, outcome.err
    assert yaml.safe_load(outcome.out)["data"]["class_path"] == "lit_samseg.data.Scenes"
    assert "--data: no such class: ade21k; did you mean ade20k? " in run_cli("test", "--data", "ade21k").err
    assert "give a class, or one of ade20k, voc2012, " in run_cli("test", "--data", "xyzzy").err
    # What two data sets begin with means neither.
    assert "no such class: coco; did you mean coco_panoptic or coco_stuff? " in run_cli("test", "--data", "coco").err
    assert "did you mean pascal_context or voc2012? " in run_cli("test", "--data=pascal").err
    assert "did you mean scenes? " in run_cli("test", "--data", "dem0").err
    assert "; did you mean voc2012?\n" in run_cli("test", "--data.help=vcc2012").err


def test_a_short_name_of_a_data_set_is_enough(run_cli: RunCli) -> None:
    outcome = run_cli("fit", "--config", "voc_finetune_decoder", "--data", "voc", "--print_config")
    assert outcome.code == 0, outcome.err
    assert yaml.safe_load(outcome.out)["data"]["class_path"] == "lit_samseg.data.VOC2012"
