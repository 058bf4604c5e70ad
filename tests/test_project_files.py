"""The files around the package say what is so: commands exist, versions agree, forms can be read."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from lit_samseg.version import __version__
from tests.conftest import PROJECT, RunCli

FORMS = sorted((PROJECT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
PAGES = ("CONTRIBUTING.md", "SECURITY.md")


def text_of(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def project() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads(text_of("pyproject.toml"))
    return found


def stages() -> dict[str, dict[str, str]]:
    """Return the Dockerfile's instructions by stage; those of a stage it begins with come first."""
    found: dict[str, dict[str, str]] = {}
    own: dict[str, str] = {}
    for line in re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text_of("Dockerfile"), flags=re.MULTILINE)).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            own = found[name] = dict(found.get(base, {"base": base}))
        elif word:
            own[word] = rest
    return found


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load(text_of("CITATION.cff"))
    # Those that the format requires: https://github.com/citation-file-format/citation-file-format.
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    about = project()["project"]
    assert isinstance(about, dict)
    assert (cited["version"], cited["license"], cited["title"]) == (__version__, about["license"], about["name"])
    assert cited["keywords"] == about["keywords"]


@pytest.mark.parametrize("page", PAGES)
def test_links_and_scripts_are_there(page: str) -> None:
    text = text_of(page)
    named = set(re.findall(r"\]\((?!http)([^)#]+)", text))
    named |= set(re.findall(r"(?:bash|python) ((?:scripts|\.ci)/\S+?)[`\s]", text))
    named |= set(re.findall(r"`((?:tests|lit_samseg|scripts)/[\w/.]+\w)`", text))
    assert named or page == "SECURITY.md"
    assert [name for name in named if not (PROJECT / name).exists()] == []


def test_contributors_read_of_every_marker() -> None:
    tool = project()["tool"]
    assert isinstance(tool, dict)
    markers = {one.partition(":")[0] for one in tool["pytest"]["ini_options"]["markers"]}
    assert set(re.findall(r"^\| `(\w+)` \|", text_of("CONTRIBUTING.md"), re.MULTILINE)) == markers


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_can_be_read(form: Path) -> None:
    read = yaml.safe_load(form.read_text(encoding="utf-8"))
    if form.stem == "config":
        assert read == {"blank_issues_enabled": True}
        return
    assert read["name"]
    assert read["description"]
    ids = [part["id"] for part in read["body"]]
    assert len(set(ids)) == len(ids) >= 3
    assert all(part["type"] == "textarea" and part["attributes"]["label"] for part in read["body"])


def test_make_has_its_targets() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make")
    for target in ("demo", "test", "docs", "notebooks", "bench"):
        done = subprocess.run([make, "-n", target], cwd=PROJECT, capture_output=True, text=True, check=True)
        scripts = re.findall(r"scripts/\w+\.(?:sh|py)", done.stdout)
        assert scripts
        assert all((PROJECT / script).is_file() for script in scripts)
        assert f"make {target} " in subprocess.run([make], cwd=PROJECT, capture_output=True, text=True).stdout


def test_make_docs_writes_what_is_there() -> None:
    scripts = re.findall(r"python (scripts/\w+\.py)", text_of("Makefile"))
    made = {"scripts/write_words.py", "scripts/write_schema.py", "scripts/write_cli.py"}
    assert {*made, "scripts/benchmark.py", "scripts/write_notebooks.py"} == set(scripts)
    assert "mkdocs build --strict" in text_of("Makefile")


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_runs_the_demo(target: str, run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker is not at hand where tests run; the words are."""
    stage = stages()[target]
    about = project()["project"]
    assert isinstance(about, dict)
    (program,) = json.loads(stage["ENTRYPOINT"])
    assert program in about["scripts"]
    version = re.fullmatch(r"python:(\d+)\.(\d+)-slim", stage["base"])
    assert version is not None
    assert (int(version[1]), int(version[2])) >= (3, 11)
    monkeypatch.chdir(tmp_path)
    outcome = run_cli(*json.loads(stage["CMD"]), "--print_config")
    assert outcome.code == 0, outcome.err
    assert yaml.safe_load(outcome.out)["data"]["class_path"] == "lit_samseg.data.Scenes"


def test_what_an_image_installs() -> None:
    about = project()["project"]
    assert isinstance(about, dict)
    installs = {
        name: re.findall(r"pip install [^&]+", stage["RUN"]) for name, stage in stages().items() if "RUN" in stage
    }
    assert set(installs) == {"cpu", "cuda"}
    assert all(shlex.split(lines[-1]) == ["pip", "install", "."] for lines in installs.values())
    *_, first, second = shlex.split(installs["cpu"][0])
    needed = {re.split(r"[\[><=]", one)[0] for one in about["dependencies"]}
    assert {first, second} == {"torch", "torchvision"} <= needed


def test_an_image_gets_what_an_installation_takes() -> None:
    kept = {line[1:] for line in text_of(".dockerignore").splitlines() if line.startswith("!")}
    assert all((PROJECT / name).exists() for name in kept)
    about = project()["project"]
    assert isinstance(about, dict)
    assert {"setup.py", "pyproject.toml", "configs", "lit_samseg", about["readme"], *about["license-files"]} <= kept


def test_commands_in_the_dockerfile_are_of_its_targets(run_cli: RunCli) -> None:
    comment = "\n".join(line[1:].strip() for line in text_of("Dockerfile").splitlines() if line.startswith("#"))
    assert set(re.findall(r"--target (\w+) -t lit_samseg:\1 \.", comment)) == {"cpu", "cuda"}
    (words,) = re.findall(r"lit_samseg:cuda (test .*)", comment)
    # The accelerator is the machine's, not that of tests.
    given = shlex.split(words.replace("gpu", "cpu"))
    assert run_cli(*given, "--print_config").code == 0
