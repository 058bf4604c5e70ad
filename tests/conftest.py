"""What the tests share: the real command line in this process, and small data sets on disk.

Torch and Lightning are imported where they are used: xdist's main process reads this file too, runs no test, and
would spend 10 s before the others begin.
"""

import contextlib
import copy
import gc
import io
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from PIL import Image

from lit_samseg.__main__ import main
from lit_samseg.errors import InputError

# Lightning 2.6 calls functions that jsonargparse 4.53 deprecates: https://github.com/Lightning-AI/pytorch-lightning/issues
os.environ["JSONARGPARSE_DEPRECATION_WARNINGS"] = "off"

# No test asserts a time, and Hypothesis would: on a busy machine one example took longer than its 200 ms.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

PROJECT = Path(__file__).parent.parent
SHARED = PROJECT.parent / "shared"


LONGEST = (
    *("test_fit.py", "test_decoder_going_on.py", "test_fit_processes.py", "test_gate.py", "test_processes.py"),
    *("test_anywhere.py", "test_cli.py", "test_hub.py", "test_interrupted.py", "test_killed.py", "test_search.py"),
    *("test_segmenters.py", "test_refiner.py", "test_reports.py", "test_run.py", "test_ceilings.py"),
    *("test_commands.py", "test_ranks.py"),
)
"""Files that take a process longest come first, as the report's do: who began one last would work alone at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run a file's tests in one process, as ``--dist loadfile`` does, and all of the report's: they share a browser."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "report" if nodeid.startswith("tests/report/") else super()._split_scope(nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; skip what this machine cannot show, with the reason."""
    import torch

    items.sort(key=lambda item: item.path.parent.name != "report" and item.path.name not in LONGEST)
    for item in items:
        # Its keywords have the names of all folders above, too.
        marks = {mark.name for mark in item.iter_markers()}
        if "real" in marks and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"needs the real images and weights in {SHARED}"))
        if "slow" in marks and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(1800))
        if "gpu" in marks and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


# Until all is imported, since next to nothing of that is garbage.
gc.disable()


def pytest_collection_finish() -> None:
    """Have the garbage collector look through what tests make, and not through what was imported."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def deaths_are_noticed() -> None:
    """Have PyTorch watch the processes of its loaders before any `Trainer` is there.

    It sets its SIGCHLD handler once in a process; a `Trainer` that was there before takes it away when it ends.
    """
    from torch.utils.data import DataLoader

    list(DataLoader([0], num_workers=1))  # type: ignore[arg-type]


@pytest.fixture(scope="session", autouse=True)
def built_in_networks_are_read_once() -> Iterator[None]:
    """Give every further user of the built-in networks a copy: reading them takes a third of a small run's time.

    Whatever else is read, or from elsewhere, is read each time.
    """
    from lit_samseg.baselines import mobilenet_v2
    from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
    from lit_samseg.sam import segment_anything

    read: dict[str, Any] = {}

    def once(load: Callable[..., Any], place: int) -> Callable[..., Any]:
        def load_or_copy(*arguments: Any) -> Any:
            path = arguments[place]
            if path.parent != DEMO_WEIGHTS:
                return load(*arguments)
            if path.name not in read:
                read[path.name] = load(*arguments)
            return copy.deepcopy(read[path.name])

        return load_or_copy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mobilenet_v2, "load_pretrained", once(mobilenet_v2.load_pretrained, 1))
        patch.setattr(segment_anything, "load_sam", once(segment_anything.load_sam, 0))
        yield


def has_loopback() -> bool:
    """Tell whether processes on this machine can reach each other; a sandbox without network may forbid even that."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        return client.connect_ex(server.getsockname()) == 0


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that one of xdist's processes makes for all of them; no test may write into it.

    https://pytest-xdist.readthedocs.io/en/stable/how-to.html#making-session-scoped-fixtures-execute-only-once
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, made = root / name, root / f"{name}.made"
    with FileLock(root / f"{name}.lock"):
        if not made.exists():
            # What a process left that failed.
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            made.touch()
    return folder


def run_quietly(*words: object) -> str:
    """Run ``lit-samseg`` for a fixture that outlives a test, for which `run_cli` is not there; return its output."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr("sys.argv", ["lit-samseg"])
        main([str(word) for word in words])
    return out.getvalue()


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


RunCli = Callable[..., Outcome]


def refuses(read: Callable[[], object], *parts: object) -> str:
    """Check that a call is refused in one line that holds every part, and return it."""
    with pytest.raises(InputError) as caught:
        read()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
    return message


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """Run ``lit-samseg`` with the given words; the built-in configuration is ``configs/demo.yaml``."""
    monkeypatch.setenv("COLUMNS", "120")
    # LightningCLI warns where it gets words of its own while the program has some too.
    monkeypatch.setattr("sys.argv", ["lit-samseg"])

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def demo_config() -> Path:
    return PROJECT / "configs" / "demo.yaml"


class SmallVoc(NamedTuple):
    """A VOC2012 folder of scenes, and coarse label maps of the same ids."""

    root: Path
    coarse: Path
    ids: list[str]

    @property
    def base(self) -> Path:
        return self.root / "VOCdevkit" / "VOC2012"

    def words(self) -> list[str]:
        """Options of a test run on it with the built-in SAM."""
        return [
            "test",
            "--data=lit_samseg.data.VOC2012",
            f"--data.root={self.root}",
            "--data.num_workers=0",
            "--model=lit_samseg.module.SamSegEvaluation",
            "--model.baseline=lit_samseg.baselines.Precomputed",
            f"--model.baseline.root={self.coarse}",
            "--model.sam=lit_samseg.sam.SegmentAnything",
            "--model.sam.checkpoint=demo",
            "--trainer.accelerator=cpu",
            # Tests of these have runs of their own.
            "--gallery=false",
            "--report=false",
        ]


@pytest.fixture
def small_voc(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> SmallVoc:
    """Four scenes in VOC's layout; label maps coarsened from the ground truth in blocks of 8 pixels."""
    made = made_once(tmp_path_factory, "small_voc", lambda folder: make_small_voc(folder) and None)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return small_voc_in(tmp_path)


def small_voc_in(folder: Path) -> SmallVoc:
    """Return what `make_small_voc` has written into a folder."""
    return SmallVoc(folder / "data", folder / "coarse", [f"2007_{n:06d}" for n in range(4)])


def make_small_voc(folder: Path) -> SmallVoc:
    """Write what `small_voc` is into a folder."""
    from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene

    voc = small_voc_in(folder)
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (voc.base / part).mkdir(parents=True)
    voc.coarse.mkdir()
    for n, image_id in enumerate(voc.ids):
        image, target = generate_scene(SPLIT_SEEDS["test"], 1000 + n)
        Image.fromarray(image).save(voc.base / "JPEGImages" / f"{image_id}.jpg", quality=95)
        save_indices(voc.base / "SegmentationClass" / f"{image_id}.png", target)
        blocks = np.where(target == 255, 0, target)[::8, ::8].repeat(8, 0).repeat(8, 1)
        save_indices(voc.coarse / f"{image_id}.png", blocks[: target.shape[0], : target.shape[1]])
    listing = voc.base / "ImageSets/Segmentation/val.txt"
    listing.write_text("".join(f"{i}\n" for i in voc.ids))
    return voc


def save_indices(path: Path, indices: np.ndarray) -> None:
    """Write a palette PNG."""
    from lit_samseg.formats.palettes import voc_palette

    picture = Image.fromarray(indices.astype(np.uint8))
    picture.putpalette(voc_palette())
    picture.save(path)
