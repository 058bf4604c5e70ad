"""Configurations by their names: found from anywhere, listed, printed."""

import shutil
from pathlib import Path

import pytest
import yaml

from lit_samseg.configurations import CONFIGURATIONS, find_configuration, find_configurations
from lit_samseg.refiner import Refiner
from lit_samseg.search.configuration import Configuration
from lit_samseg.study.plan import read_plan
from tests.conftest import PROJECT, RunCli, refuses

NAMES = sorted(path.stem for path in (PROJECT / "configs").glob("*.yaml"))
DEMO = PROJECT / "configs/demo.yaml"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without configurations."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", NAMES)
def test_each_is_found_by_its_name(name: str) -> None:
    assert find_configuration(name) == find_configuration(f"{name}.yaml") == PROJECT / f"configs/{name}.yaml"


@pytest.mark.parametrize("name", ["demo", "demo.yaml", "dem"])
def test_a_file_goes_before_a_name(name: str, elsewhere: Path) -> None:
    (elsewhere / name).write_text("data: 1\n")
    assert find_configuration(name) == Path(name)


def test_a_folder_does_not(elsewhere: Path) -> None:
    for name in ("demo", "mine"):
        (elsewhere / name).mkdir()
    assert find_configuration("demo") == DEMO
    refuses(lambda: find_configuration("mine"), "mine is a folder; give a YAML file")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("dmeo", "dmeo is not there, and no configuration of that name is shipped; did you mean demo?"),
        ("configs/demo.yaml", "did you mean demo?"),
        ("demo.yml", "did you mean demo?"),
        ("voc_deeplab", "did you mean voc_deeplab_"),
        ("../demo_finetun", "did you mean demo_finetune?"),
        ("xyzzy.yaml", "give a YAML file, or a name that 'lit-samseg configs' lists"),
        ("x" * 5000, "give a YAML file"),
    ],
)
def test_a_mistaken_name(given: str, hint: str) -> None:
    refuses(lambda: find_configuration(given), hint)
    refuses(lambda: find_configurations(["test", f"--config={given}"]), "--config: ", hint)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("words", "written"),
    [
        (["test", "--config", "demo", "--x"], ["test", "--config", str(DEMO), "--x"]),
        (["test", "-c=demo.yaml", "--config=demo"], ["test", f"-c={DEMO}", f"--config={DEMO}"]),
        (["--config", "demo", "test"], ["--config", str(DEMO), "test"]),
    ],
)
def test_names_become_paths(words: list[str], written: list[str]) -> None:
    assert find_configurations(words) == written


@pytest.mark.parametrize(
    "words",
    [
        ["--config"],
        ["--config="],
        ["--config", "--data.size", "2"],
        ["--config", "{data: {class_path: Scenes}}"],
        ["--config=data: 3"],
        ["--config", "data:\n  class_path: Scenes"],
        ["--model.config", "demo"],
        ["--config", str(DEMO)],
    ],
)
def test_all_else_stays_as_it_is(words: list[str]) -> None:
    assert find_configurations(["test", *words]) == ["test", *words]


def test_a_run_by_name_is_the_run_by_file(elsewhere: Path, run_cli: RunCli) -> None:
    by_name, by_file = (run_cli("test", f"--config={one}", "--data.size=3", "--print_config") for one in ("demo", DEMO))
    assert by_name.code == 0, by_name.err
    assert by_name.out == by_file.out
    assert yaml.safe_load(by_name.out)["data"]["init_args"]["size"] == 3
    # The folder of a run is named after its configuration.
    words = ("--data.size=1", "--model.variants=[]", "--model.analysis=false", "--gallery=false", "--report=false")
    outcome = run_cli("test", "--config", "demo", *words)
    assert outcome.code == 0, outcome.err
    assert [path.name for path in (elsewhere / "logs").iterdir()] == ["demo"]


def test_studies_searches_and_refiners_take_names(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_plan(Path("study_demo")).pairs == read_plan(PROJECT / "configs/study_demo.yaml").pairs
    own = elsewhere / "own.yaml"
    own.write_text("pairs: [{name: a, config: [demo]}]\n")
    (pair,) = read_plan(own).pairs
    assert pair.options["data"] == yaml.safe_load(DEMO.read_text(encoding="utf-8"))["data"]
    own.write_text("pairs: [{name: a, config: dmeo}]\n")
    refuses(lambda: read_plan(own), "pair 'a': config dmeo is not there", "did you mean demo?")
    refuses(lambda: read_plan(Path("study_demos")), "did you mean study_demo?")
    monkeypatch.setattr("sys.argv", ["lit-samseg"])
    searched = Configuration.of_words(["--config", "demo", "--data=scenes", "--model.sam", "demo"]).values
    assert searched["data"]["init_args"]["size"] == 100
    assert searched["model"]["init_args"]["sam"]["init_args"]["checkpoint"] == "demo"
    assert "samcrf" in Refiner.from_config("demo").variant.name


def test_the_command_lists_them(run_cli: RunCli) -> None:
    listed = run_cli("configs")
    assert (listed.code, listed.err) == (0, "")
    rows = [line.split(maxsplit=2) for line in listed.out.splitlines()]
    assert [row[1] for row in rows] == NAMES
    assert all(len(row) == 3 and row[2].endswith((".", "?")) for row in rows)
    commands = {row[1]: row[0] for row in rows}
    assert (commands["demo"], commands["voc_finetune_gate"], commands["study_shared"]) == ("test", "fit", "study")
    assert rows[NAMES.index("demo")][2] == (
        "The built-in world: generated scenes and tiny networks trained on other scenes."
    )


@pytest.mark.parametrize("name", ["demo", "study_shared.yaml"])
def test_the_command_prints_one_as_it_is(name: str, run_cli: RunCli) -> None:
    printed = run_cli("configs", name)
    path = (PROJECT / "configs" / name).with_suffix(".yaml")
    assert (printed.code, printed.out) == (0, path.read_text(encoding="utf-8"))


def test_mistakes_in_the_command(run_cli: RunCli) -> None:
    outcome = run_cli("configs", "dmeo")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "lit-samseg: error: no configuration 'dmeo' is shipped; did you mean demo?\n"
    assert "'lit-samseg configs' lists what there is" in run_cli("configs", "xyzzy").err
    assert run_cli("configs", "demo", "demo").code == 2
    assert "did you mean configs?" in run_cli("config").err


def test_a_wheel_has_them_in_the_package(tmp_path: Path) -> None:
    """The folder in the package goes before one beside it, which in a wheel's place is another package's."""
    room = PROJECT / "lit_samseg/configurations/shipped.py"
    copied = tmp_path / "lit_samseg/configurations"
    copied.mkdir(parents=True)
    shutil.copy(room, copied)
    for folder, name in (("configs", "others"), ("lit_samseg/configs", "own")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.yaml").touch()
    scope = {"__file__": str(copied / room.name), "__name__": "copied"}
    exec(compile(room.read_text(encoding="utf-8"), scope["__file__"], "exec"), scope)
    assert scope["CONFIGURATIONS"].names() == ("own",)  # type: ignore[attr-defined]
    assert CONFIGURATIONS.folder == PROJECT / "configs"
