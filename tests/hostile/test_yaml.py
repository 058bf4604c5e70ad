"""Configuration files and options of every kind: one line that names the file or the option, and nothing runs."""

from pathlib import Path

import pytest

from lit_samseg.cli.config_files import check_config_files
from lit_samseg.data import VOC2012
from tests.conftest import RunCli, refuses
from tests.hostile.conftest import Counts, Refused, Tiny, mostly_slow

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
"""A thousand million of x, in 500 bytes."""

REFUSED: dict[str, tuple[bytes, str]] = {
    "tag-that-runs": (b"data: !!python/object/apply:os.system ['touch ran']\n", "which would build objects"),
    "tag-that-makes": (b"data:\n  x: !!python/object/new:pathlib.Path [ran]\n", "which would build objects"),
    "tag-that-names": (b"data: !!python/name:os.system\n", "which would build objects"),
    "tag-of-ones-own": (b"data: !mine {}\n", "has the tag !mine (line 1)"),
    "billion-laughs": (BOMB.encode(), "once its aliases are written out"),
    "billion-laughs-below-an-option": (f"{BOMB}data: *a9\n".encode(), "once its aliases are written out"),
    "alias-to-itself": (b"data: &x [*x]\n", "has an alias to what it is part of (line 1)"),
    "alias-to-what-it-is-in": (b"data: &x\n  init_args: *x\n", "has an alias to what it is part of"),
    "key-twice": (b"seed_everything: 0\nseed_everything: 1\n", "gives 'seed_everything' twice"),
    "key-twice-deep-down": (b"data:\n  init_args:\n    subset: 1\n    subset: 2\n", "gives 'subset' twice (line 3)"),
    "list": (b"- 1\n- 2\n", "is no mapping"),
    "word": (b"hello\n", "is no mapping"),
    "empty": (b"", "is empty"),
    "comment-only": (b"# nothing\n", "is empty"),
    "two-documents": (b"data: {}\n---\ndata: {}\n", "is not YAML"),
    "unfinished": (b"data: [1,\n", "is not YAML"),
    "tab": (b"data:\n\tx: 1\n", "is not YAML"),
    "nul": (b"data: \0\n", "is not YAML"),
    "no-such-alias": (b"data: *x\n", "is not YAML"),
    "binary": (bytes(range(256)), "is not a text file in UTF-8"),
    "latin-1": ("data: é\n".encode("latin-1"), "is not a text file in UTF-8"),
    "utf-16": ("data: 1\n".encode("utf-16"), "is not a text file in UTF-8"),
    "nested-lists": (b"data: " + b"[" * 9999, "is nested too deep"),
    "nested-mappings": (b"data: " + b"{a: " * 9999, "is nested too deep"),
    "list-as-a-key": (b"? [1, 2]\n: 3\n", "cannot be read"),
    "merge-of-a-number": (b"data:\n  <<: 3\n", "cannot be read"),
    "number-of-5000-digits": (b"seed_everything: " + b"9" * 5000, "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_is_refused_before_anything_is_built(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content, complaint = REFUSED[case]
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    assert refuses(lambda: check_config_files(["test", "--x=1", f"--config={path}"]), path, complaint).isprintable()
    if case == "empty":
        refuses(lambda: check_config_files(["test", "--config", str(path), "--x=1"]), path, complaint)
    assert list(tmp_path.iterdir()) == [path]


# The function that a run asks first, above, reads all.
QUICK_FILES = ["tag-that-runs", "billion-laughs-below-an-option", "empty", "nested-mappings"]


@pytest.mark.parametrize("case", mostly_slow(REFUSED, QUICK_FILES))
def test_a_file_refused_by_name(
    refused: Refused, tiny: Tiny, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, complaint = REFUSED[case]
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    words = tiny.words()
    refused([*words, f"--config={path}"], path, complaint)
    refused([words[0], "--config", path, *words[1:]], path, complaint)
    assert not (tmp_path / "ran").exists()
    assert not tiny.out.exists()


def test_a_folder_as_a_file(refused: Refused, tiny: Tiny, tmp_path: Path) -> None:
    refused([*tiny.words(), f"--config={tmp_path}"], tmp_path, "is a folder; give a YAML file")


def test_a_loop_as_a_file(run_cli: RunCli, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    outcome = run_cli(*tiny.words(), f"--config={tmp_path / 'loop.yaml'}")
    assert outcome.code == 2
    assert "loop.yaml" in outcome.err


@pytest.mark.parametrize("class_path", ["os.system", "subprocess.Popen", "builtins.exec"])
def test_classes_of_others_are_not_built(
    run_cli: RunCli, tiny: Tiny, class_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(f"model:\n  class_path: {class_path}\n  init_args: {{command: touch ran, args: [touch, ran]}}\n")
    outcome = run_cli("test", f"--config={path}", "--data=lit_samseg.data.VOC2012", f"--data.root={tiny.root}")
    assert outcome.code == 2
    assert class_path in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("encoding", [pytest.param("utf-8", marks=pytest.mark.slow), "utf-8-sig"])
def test_aliases_merges_and_unicode_are_right(
    run_cli: RunCli, tiny: Tiny, encoding: str, tmp_path: Path, plain_counts: Counts
) -> None:
    path = tmp_path / "Straße 日本.yaml"
    path.write_text(
        f"seed_everything: &zero 0\ndata:\n  class_path: lit_samseg.data.VOC2012\n  init_args: &args\n"
        f"    root: '{tiny.root}'\n    subset_seed: *zero\n    num_workers: *zero\n",
        encoding=encoding,
    )
    outcome = run_cli("test", f"--config={path}", *tiny.model_words())
    assert outcome.code == 0, outcome.err
    assert tiny.counts() == plain_counts


OPTIONS: dict[str, list[str]] = {
    "--data.batch_size=x": ["batch_size"],
    "--data.batch_size=1.5": ["batch_size"],
    "--data.batch_size=null": ["data.batch_size is null"],
    "--data.subset_seed=null": ["data.subset_seed is null"],
    "--data.root=null": ["data.root is null"],
    "--model.baseline.root=null": ["no such folder of label maps: None"],
    "--data.subset=" + "9" * 5000: ["limit (4300 digits)"],
    "--data.batch_size=-1": ["data.batch_size is -1"],
    "--data.batch_size=0": ["data.batch_size is 0"],
    "--data.num_workers=-1": ["data.num_workers -1"],
    "--data.num_workers=[1]": ["num_workers"],
    "--data.subset=0": ["data.subset is 0"],
    "--data.subset=-1": ["data.subset is -1"],
    "--data.subset=x": ["subset"],
    "--data.split=../val": ["no such split"],
    "--data.root={a: 1}": ["root"],
    "--data.nothing=1": ["nothing"],
    "--model.nothing=1": ["nothing"],
    "--nothing=1": ["nothing"],
    "--model.variants=[box, box]": ["box"],
    "--model.variants=3": ["variants"],
    "--model.baseline.label_offset=x": ["label_offset"],
    "--model.sam.precision=fp8": ["precision"],
    "--gallery=perhaps": ["gallery"],
    "--trainer.devices=0": ["devices"],
    "--data.subset=!!python/object/apply:os.system ['touch ran']": ["subset"],
}
# The parser refuses a type, before anything is built a null, a constructor a value, and a run what it needs.
QUICK = ["--data.root=null", "--data.subset=" + "9" * 5000, "--data.batch_size=0", "--trainer.devices=0"]
QUICK += ["--data.subset=!!python/object/apply:os.system ['touch ran']"]


@pytest.mark.parametrize(
    ("name", "value"), [("batch_size", -1), ("batch_size", 0), ("num_workers", -1), ("subset", 0), ("subset", -1)]
)
def test_numbers_that_cannot_be(tiny: Tiny, name: str, value: int) -> None:
    refuses(lambda: VOC2012(str(tiny.root), **{name: value}).setup("test"), f"data.{name}", value)


@pytest.mark.parametrize("word", mostly_slow(OPTIONS, QUICK), ids=lambda word: word[:40])
def test_options_of_another_type(
    run_cli: RunCli, tiny: Tiny, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run_cli(*tiny.words(), word)
    assert outcome.code == 2, outcome.err
    assert "Traceback" not in outcome.err
    # The usage above the message names options too.
    message = outcome.err[outcome.err.rindex("error:") :]
    for part in OPTIONS[word]:
        assert part in message
    assert not (tmp_path / "ran").exists()
    assert not (tiny.out / "results.json").exists()
