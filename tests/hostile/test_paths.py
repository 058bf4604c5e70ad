"""Folders of every kind: unusual names are right, and what is no folder is named."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.baselines import Precomputed
from lit_samseg.data import VOC2012, Folder
from tests.conftest import RunCli, refuses, save_indices
from tests.hostile.conftest import Counts, Refused, Tiny, labels, make_tiny, pixels

NAMES = {
    "spaces": " a  b ",
    "single-quote": "it's",
    "double-quotes": 'say "x"',
    "newline": "a\nb",
    "unicode": "Straße_日本_🙂",
    "right-to-left": "שלום",
    "percent": "100%20%s",
    "braces": "{x} [y] (z)",
    "colon": "a:b",
    "hash": "#a #b",
    "ampersand": "&a *b !c",
    "equals": "a=b",
    "dollar": "$HOME ~ `ls`",
    "backslash": "a\\nb",
    "long": "x" * 200,
    "number": "12",
}


@pytest.mark.parametrize("case", NAMES)
def test_files_below_unusual_names(tmp_path: Path, case: str) -> None:
    tiny = make_tiny(tmp_path / NAMES[case])
    sample = tiny.sample()
    assert sample.target is not None
    assert np.array_equal(sample.image.permute(1, 2, 0), pixels())
    assert np.array_equal(sample.target, labels())
    assert tiny.baselines_labels().any()


def test_a_run_with_folders_and_pictures_of_unusual_names(run_cli: RunCli, tiny: Tiny, plain_counts: Counts) -> None:
    """A word is YAML to the parser: of each kind of accident, one."""
    name = "-rf"
    for file in (tiny.image, tiny.mask, tiny.label_map):
        file.rename(file.with_name(f"{name}{file.suffix}"))
    options = {
        "data.images": (tiny.image.parent, "newline"),
        "data.masks": (tiny.mask.parent, "hash"),
        "model.baseline.root": (tiny.coarse, "braces"),
    }
    moved = [f"--{option}={folder.rename(tiny.root / NAMES[case])}" for option, (folder, case) in options.items()]
    outcome = run_cli(*tiny.folder_words(), *moved)
    assert outcome.code == 0, outcome.err
    assert tiny.counts() == plain_counts | {"ids": [name]}


# The quicker one has several at once, above; `test_files_below_unusual_names` reads below all.
@pytest.mark.slow
@pytest.mark.parametrize("case", NAMES)
def test_roots_of_unusual_names(run_cli: RunCli, tmp_path: Path, case: str, plain_counts: Counts) -> None:
    tiny = make_tiny(tmp_path / NAMES[case])
    outcome = run_cli(*tiny.words())
    assert outcome.code == 0, outcome.err
    assert tiny.counts() == plain_counts


# The same.
@pytest.mark.slow
@pytest.mark.parametrize("case", NAMES)
def test_folders_of_unusual_names(run_cli: RunCli, tmp_path: Path, case: str, plain_counts: Counts) -> None:
    tiny = make_tiny(tmp_path / NAMES[case])
    outcome = run_cli(*tiny.folder_words())
    assert outcome.code == 0, outcome.err
    assert tiny.counts() == plain_counts


def test_a_root_that_is_yaml_goes_into_a_file(run_cli: RunCli, tiny: Tiny, plain_counts: Counts) -> None:
    """On the command line an option of a data set is YAML, in which a colon and a space make a mapping."""
    root = tiny.root.rename(tiny.root.parent / "a: b")
    outcome = run_cli(*tiny.words(), f"--data.root={root}")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("lit-samseg: error: --data.root: expected str, not {")
    config = tiny.coarse / "config.yaml"
    config.write_text(f"data: {{class_path: lit_samseg.data.VOC2012, init_args: {{root: '{root}'}}}}\n")
    outcome = run_cli("test", f"--config={config}", *tiny.model_words())
    assert outcome.code == 0, outcome.err
    assert tiny.counts() == plain_counts


# The same.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["a b", "it's", "Straße_日本", "-rf", "a,b", "#a", "a.b"])
def test_pictures_of_unusual_names(run_cli: RunCli, tiny: Tiny, name: str, plain_counts: Counts) -> None:
    for file in (tiny.image, tiny.mask, tiny.label_map):
        file.rename(file.with_name(f"{name}{file.suffix}"))
    outcome = run_cli(*tiny.folder_words())
    assert outcome.code == 0, outcome.err
    assert tiny.counts() == plain_counts | {"ids": [name]}


@pytest.mark.parametrize("name", [b"a\nb", b"a\x1b[2J", b"Stra\xdfe"], ids=["newline", "escape", "latin-1"])
def test_pictures_whose_names_are_no_ids(tiny: Tiny, name: bytes) -> None:
    """A list of ids could not hold them."""
    os.rename(tiny.image, os.path.join(os.fsencode(tiny.image.parent), name + b".jpg"))
    assert refuses(tiny.folder, tiny.image.parent, "cannot be an id").isprintable()


def directory_loop(path: Path) -> None:
    path.symlink_to(path)


def file(path: Path) -> None:
    path.write_text("x")


def nothing(path: Path) -> None:
    assert not path.exists()


OPTIONS = ["data.root", "data.images", "data.masks", "model.baseline.root"]


@pytest.mark.parametrize("make", [directory_loop, file, nothing])
@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_no_folder_is_named(tiny: Tiny, make: Callable[[Path], None], option: str) -> None:
    path = tiny.root.parent / "odd"
    make(path)
    folders = {"images": str(tiny.image.parent), "masks": str(tiny.mask.parent)}

    def read() -> None:
        if option == "data.root":
            VOC2012(str(path)).setup("test")
        elif option == "model.baseline.root":
            Precomputed(str(path))
        else:
            Folder(**folders | {option.removeprefix("data."): str(path)}, num_classes=21).setup("test")

    refuses(read, path)


# The quicker one is above; tests/test_bad_input.py has one in a run.
@pytest.mark.slow
@pytest.mark.parametrize("make", [directory_loop, file, nothing])
@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_no_folder_in_a_run(refused: Refused, tiny: Tiny, make: Callable[[Path], None], option: str) -> None:
    path = tiny.root.parent / "odd"
    make(path)
    words = tiny.words() if option == "data.root" else tiny.folder_words()
    refused([*words, f"--{option}={path}"], path)
    assert not tiny.out.exists()


# The quicker one is in tests/test_bad_input.py: a folder below a file.
@pytest.mark.slow
@pytest.mark.parametrize(("make", "inside"), [(directory_loop, False), (file, True)])
def test_an_output_folder_that_cannot_be(
    refused: Refused, tiny: Tiny, make: Callable[[Path], None], inside: bool
) -> None:
    path = tiny.root.parent / "odd"
    make(path)
    before = os.lstat(path)
    refused([*tiny.words(), f"--output_dir={path / 'out' if inside else path}"], path)
    assert os.lstat(path).st_mtime_ns == before.st_mtime_ns


# The same.
@pytest.mark.slow
def test_an_output_folder_where_nothing_can_be_written(refused: Refused, tiny: Tiny) -> None:
    """Not even root can, in /proc."""
    refused([*tiny.words(), "--output_dir=/proc/self/out"], "/proc/self/out")


def test_a_loop_among_a_folders_pictures_is_passed_over(tiny: Tiny) -> None:
    (tiny.image.parent / "b.jpg").symlink_to("b.jpg")
    (tiny.image.parent / "self").symlink_to(tiny.image.parent)
    (tiny.image.parent / "c.jpg").mkdir()
    data = tiny.folder()
    data.setup("test")
    assert data.ids == ["a"]


# The quicker one is in tests/test_bad_input.py: an image that is cut off in place of the label.
@pytest.mark.slow
def test_earlier_results_are_kept(run_cli: RunCli, refused: Refused, tiny: Tiny) -> None:
    assert run_cli(*tiny.words()).code == 0
    earlier = {path: path.read_bytes() for path in tiny.out.rglob("*") if path.is_file()}
    assert earlier
    broken = labels()
    broken[0, 0] = 77
    save_indices(tiny.mask, broken)
    refused([*tiny.words(), "--overwrite=true"], tiny.mask, "has label 77")
    assert {path: path.read_bytes() for path in tiny.out.rglob("*") if path.is_file()} == earlier
