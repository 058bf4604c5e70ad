"""Lists of ids of every kind, as VOC's official list and as ``--data.ids``."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lit_samseg.data.subset import read_ids
from lit_samseg.errors import InputError
from tests.conftest import RunCli, refuses
from tests.hostile.conftest import Counts, Refused, Tiny, mostly_slow

NAMES = ["a b", "it's", 'say "x"', "Straße_日本", "a;b", "$(touch x)", "-rf", "a\u2028b", "a,c", "x" * 251]
"""Ids that are unusual, and right; one has a line separator that only Unicode knows."""

REFUSED: dict[str, tuple[bytes, str]] = {
    "parent": (b"../../etc/passwd\n", "'../../etc/passwd' is a path"),
    "parent-after-a-good-id": (b"a\n..\n", "'..' is a path"),
    "absolute": (b"/etc/passwd\n", "'/etc/passwd' is a path"),
    "sub-folder": (b"sub/a\n", "'sub/a' is a path"),
    "windows-path": (b"..\\a\n", "is a path"),
    "hidden": (b".a\n", "'.a' is a path"),
    "path-behind-a-mark": (b"\xef\xbb\xbf../a\n", "'../a' is a path"),
    "nothing": (b"", "is empty"),
    "blank-lines-only": (b"\n \r\n\t\n", "is empty"),
    "mark-only": (b"\xef\xbb\xbf", "is empty"),
    "twice": (b"a\na\n", "names a more than once"),
    "twice-with-spaces": (b"a\n a \r\n", "names a more than once"),
    "nul": (b"a\0b\n", r"'a\x00b' holds a control character"),
    "escape-sequence": (b"\x1b[2Ja\n", r"'\x1b[2Ja' holds a control character"),
    "too-long": (b"x" * 252 + b"\n", "is longer than a file's name can be (251 bytes)"),
    "megabytes-in-a-line": (b"x" * 5_000_000, "is longer than a file's name can be"),
    "latin-1": ("Stra\xdfe\n".encode("latin-1"), "is not a text file in UTF-8"),
    "utf-16": ("a\n".encode("utf-16"), "is not a text file in UTF-8"),
    "binary": (bytes(range(256)), "is not a text file in UTF-8"),
}

RIGHT: dict[str, bytes] = {
    "no-newline-at-the-end": b"a",
    "crlf": b"a\r\n",
    "old-macintosh-lines": b"a\r",
    "blank-lines": b"\n\n  a\t\n\n",
    "byte-order-mark": b"\xef\xbb\xbfa\n",
    "byte-order-mark-and-crlf": b"\xef\xbb\xbfa\r\n\r\n",
}


def official(tiny: Tiny) -> tuple[Path, list[object]]:
    return tiny.listing, []


def own(tiny: Tiny) -> tuple[Path, list[object]]:
    path = tiny.root / "ids.txt"
    return path, ["--data.ids", path]


BOTH = pytest.mark.parametrize("kind", [official, own])
OWN = pytest.mark.parametrize("kind", [pytest.param(official, marks=pytest.mark.slow), own])
Kind = Callable[[Tiny], tuple[Path, list[object]]]


def refuse(refused: Refused, tiny: Tiny, case: str, kind: Kind) -> None:
    content, complaint = REFUSED[case]
    path, words = kind(tiny)
    path.write_bytes(content)
    outcome = refused([*tiny.words(), *words], path, complaint)
    assert len(outcome.err) < 1000
    assert not tiny.out.exists()


@pytest.mark.parametrize("case", REFUSED)
def test_a_list_is_refused_with_the_id(tmp_path: Path, case: str) -> None:
    content, complaint = REFUSED[case]
    path = tmp_path / "ids.txt"
    path.write_bytes(content)
    assert len(refuses(lambda: read_ids(path), path, complaint)) < 1000


@pytest.mark.parametrize("case", RIGHT)
def test_a_list_holds_the_id(tmp_path: Path, case: str) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(RIGHT[case])
    assert read_ids(path) == ["a"]


# The functions above read both, and a run with a list of unusual ids is below.
@pytest.mark.parametrize("case", mostly_slow(REFUSED, []))
def test_an_official_list_is_refused_with_the_id(refused: Refused, tiny: Tiny, case: str) -> None:
    refuse(refused, tiny, case, official)


@pytest.mark.parametrize("case", mostly_slow(REFUSED, []))
def test_a_list_of_ones_own_is_refused_with_the_id(refused: Refused, tiny: Tiny, case: str) -> None:
    refuse(refused, tiny, case, own)


def count(run_cli: RunCli, tiny: Tiny, case: str, kind: Kind) -> Counts:
    path, words = kind(tiny)
    path.write_bytes(RIGHT[case])
    outcome = run_cli(*tiny.words(), *words)
    assert outcome.code == 0, outcome.err
    assert (tiny.out / "ids.txt").read_text() == "a\n"
    return tiny.counts()


@pytest.mark.parametrize("case", mostly_slow(RIGHT, []))
def test_the_same_counts_as_of_a_plain_official_list(
    run_cli: RunCli, tiny: Tiny, case: str, plain_counts: Counts
) -> None:
    assert count(run_cli, tiny, case, official) == plain_counts


@pytest.mark.parametrize("case", mostly_slow(RIGHT, []))
def test_the_same_counts_as_of_a_plain_list_of_ones_own(
    run_cli: RunCli, tiny: Tiny, case: str, plain_counts: Counts
) -> None:
    assert count(run_cli, tiny, case, own) == plain_counts


@OWN
def test_unusual_ids(run_cli: RunCli, tiny: Tiny, kind: Kind, plain_counts: Counts) -> None:
    """Copies of one image under unusual names count what it counts."""
    for file in (tiny.image, tiny.mask, tiny.label_map):
        for name in NAMES:
            shutil.copy(file, file.with_name(f"{name}{file.suffix}"))
    path, words = kind(tiny)
    path.write_text("".join(f"{name}\n" for name in NAMES), encoding="utf-8")
    outcome = run_cli(*tiny.words(), *words, "--model.save_predictions=true")
    assert outcome.code == 0, outcome.err
    assert read_ids(tiny.out / "ids.txt") == sorted(NAMES)
    for name in ("intersection", "gt_area", "pred_area"):
        expected = np.repeat(plain_counts[name], len(NAMES), axis=1)
        assert np.array_equal(tiny.counts()[name], expected)
        assert expected.any()
    assert {path.stem for path in (tiny.out / "predictions/box").iterdir()} == set(NAMES)


@BOTH
@pytest.mark.parametrize("make", ["directory", "loop", "dangling"])
def test_what_is_no_file(tiny: Tiny, make: str, kind: Kind) -> None:
    path, words = kind(tiny)
    path.unlink(missing_ok=True)
    if make == "directory":
        path.mkdir()
    else:
        path.symlink_to(path if make == "loop" else path.parent / "nowhere")
    refuses(lambda: tiny.sample(ids=str(path) if words else None), path)


def test_many_repeats_take_no_time(tmp_path: Path) -> None:
    """Counting each id anew would take hours."""
    path = tmp_path / "ids.txt"
    path.write_text("".join(f"{n % 150_000}\n" for n in range(300_000)))
    with pytest.raises(InputError, match="names 0 more than once"):
        read_ids(path)
