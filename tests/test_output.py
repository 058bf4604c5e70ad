"""Output that nobody reads, or that does not fit: files are whole, and one line says what is not."""

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.figure import Figure

from lit_samseg.cache import TensorStore
from lit_samseg.errors import InputError
from lit_samseg.figures.saving import save_figure
from lit_samseg.gallery import GalleryLegend, GalleryPictures, GalleryPrompts, key_of, write_entry
from lit_samseg.results.evidence import Evidence
from lit_samseg.results.text_table import TextTable
from lit_samseg.runtime.atomic import atomic_file
from tests.conftest import RunCli
from tests.test_without_networks import finished_run

__all__ = ["finished_run"]


def shell(words: str, redirection: str) -> subprocess.CompletedProcess[str]:
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m lit_samseg {words} {redirection}"
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        # As a shell has it; pytest's own may ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL),
    )


@pytest.mark.parametrize(
    ("redirection", "code", "err"),
    [
        ("| true", 0, ""),
        # The quicker one is that with both closed.
        pytest.param(">&-", 0, "", marks=pytest.mark.slow),
        (">&- 2>&-", 0, ""),
        (
            "> /dev/full",
            2,
            "lit-samseg: error: standard output cannot be written (No space left on device); all files were\n",
        ),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_nobody_reads(redirection: str, code: int, err: str, finished_run: Path) -> None:
    (finished_run / "tables.md").unlink(missing_ok=True)
    done = shell(f"analyse {shlex.quote(str(finished_run))}", redirection)
    assert (done.returncode, done.stderr) == (code, err)
    assert (finished_run / "tables.md").is_file()


def test_all_files_are_there_before_anything_is_printed(
    run_cli: RunCli, demo_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[set[str]] = []

    def look(table: TextTable) -> None:
        there.append({path.name for path in tmp_path.iterdir()})

    monkeypatch.setattr(TextTable, "print", look)
    words = ["test", "--config", demo_config, "--data.size", 1, "--model.variants", "[]", "--output_dir", tmp_path]
    assert run_cli(*words).code == 0
    assert there
    assert {"results.json", "tables.md", "gallery", "report.html"} <= there[0]
    assert not {"journal", "gallery.partial", "predictions.partial"} & there[0]


def test_a_full_disk_names_the_file_whatever_a_library_makes_of_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "counts.npz"

    def full(draft: Path, layers: int) -> None:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            if layers == 0:
                raise
            if layers == 1:
                raise ValueError("seek of closed file") from error
            if layers == 2:
                raise ValueError("seek of closed file")  # noqa: B904 (as libraries have it)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(draft)) from error

    for layers in range(4):
        with pytest.raises(OSError, match="No space left on device") as caught, atomic_file(path) as draft:
            full(draft, layers)
        assert caught.value.filename == str(path)
        assert list(path.parent.iterdir()) == []


def test_other_errors_of_a_writer_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere"), atomic_file(tmp_path / "x.txt"):
        (tmp_path / "elsewhere").read_text()
    with pytest.raises(InputError), atomic_file(tmp_path / "x.txt"):
        raise InputError("a defect of the input")
    with pytest.raises(OSError, match=r"encoder error.*x\.png") as caught, atomic_file(tmp_path / "x.png"):
        raise OSError("encoder error -2 when writing image file")
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png", ".tif"])
def test_a_figure_on_a_full_disk(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match=f"No space left on device: .*figure{suffix}"):
        save_figure(Figure(figsize=(1, 1)), tmp_path / f"figure{suffix}")


def test_a_cache_that_is_only_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    key, other = "a" * 64, "b" * 64
    TensorStore(tmp_path, 10**6).put(key, {"x": torch.ones(3)})

    def read_only(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    store = TensorStore(tmp_path, 10**6)
    found = store.get(key)
    assert found is not None
    assert torch.equal(found["x"], torch.ones(3))
    store.put(other, {"x": torch.ones(3)})
    store.put(other, {"x": torch.ones(3)})
    assert store.get(other) is None
    (record,) = caplog.records
    assert record.getMessage() == f"cache_dir {tmp_path} is only read, and nothing is kept: Read-only file system"
    with pytest.raises(InputError, match="cannot be written"):
        TensorStore(tmp_path / "empty", 10**6)


def test_links_reach_a_gallery_elsewhere(finished_run: Path, run_cli: RunCli, tmp_path: Path) -> None:
    evidence = Evidence.read(finished_run)
    gallery = finished_run / "gallery"
    key = key_of(evidence.ids, evidence.rows, evidence.counts)
    GalleryLegend(key, ["#ffffff"] * 3, None, [{"name": n, "region": "", "recipe": []} for n in evidence.rows]).write(
        gallery
    )
    picture = np.zeros((3, 4, 4), np.uint8)
    pictures = GalleryPictures(np.zeros((4, 4, 3), np.uint8), picture, picture)
    prompts = GalleryPrompts(4, 4, {"class": [], "component": []})
    write_entry(gallery, evidence.ids[0], pictures, prompts, np.zeros((3, 3), np.uint8), None)
    (tmp_path / "a b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a b")
    for out in (finished_run, tmp_path / "link" / "c"):
        outcome = run_cli("report", finished_run, "--pictures", "link", "--output_dir", out)
        assert outcome.code == 0, outcome.err
        page = (out / "report.html").read_text(encoding="utf-8")
        # From a quote or bracket on: any place else as a beginning would be tried on the whole page, for seconds.
        urls = set(re.findall(r"[\"'(]([^\"'(]*gallery/[^\"')]*\.webp)", page))
        assert len(urls) == 3
        assert all((out.resolve() / unquote(url)).is_file() for url in urls)


def test_reports_and_tables_of_a_run_that_cannot_be_written(
    finished_run: Path, run_cli: RunCli, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in finished_run.iterdir()}
    out = tmp_path / "else" / "where"
    for command in ("analyse", "report"):
        outcome = run_cli(command, finished_run, "--output_dir", out)
        assert outcome.code == 0, outcome.err
        assert str(out) in outcome.out
    assert {"results.json", "tables.md", "per_class.csv", "report.html"} <= {path.name for path in out.iterdir()}
    assert {path.name: path.read_bytes() for path in finished_run.iterdir()} == before
    assert "--output_dir is for one run" in run_cli("report", finished_run, finished_run, "--output_dir", out).err
    (out / "counts.npz").write_bytes(b"of another run")
    outcome = run_cli("analyse", finished_run, "--output_dir", out)
    assert outcome.code == 2
    assert "holds a run of its own" in outcome.err
