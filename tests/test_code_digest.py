"""Nothing is taken from a cache or an interrupted run that other code has made."""

import gc
import importlib
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import lit_samseg
from lit_samseg.baselines import Baseline
from lit_samseg.cache import cache_networks
from lit_samseg.data import Scenes
from lit_samseg.journal.run_identity import describe_differences, identity_of_run
from lit_samseg.runtime import code_digest as digests
from lit_samseg.runtime.code_digest import classes_of_config, code_digest
from tests.cache.counting import CountingBaseline, CountingSam

PACKAGE = Path(lit_samseg.__file__).parent


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """A digest is computed once a run; here each call is a run."""
    digests._digest_of_modules.cache_clear()
    yield
    digests._digest_of_modules.cache_clear()


def digest(*classes: type) -> str:
    digests._digest_of_modules.cache_clear()
    found = code_digest(classes)
    assert found is not None
    return found


def test_every_file_of_the_package_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "lit_samseg"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("demo_weights", "__pycache__"))
    monkeypatch.setattr(digests, "__file__", str(copy / "runtime/code_digest.py"))
    seen = {digest()}
    (copy / "refine/deeper/still").mkdir(parents=True)
    (copy / "refine/deeper/still/new.py").write_text("")
    seen.add(digest())
    for name in (
        "checkpoints/weights.py",
        "refine/places.py",
        "refine/deeper/still/new.py",
        "sam/frame.py",
        "crf/lattice.py",
    ):
        with (copy / name).open("a") as file:
            file.write("# changed\n")
        seen.add(digest())
    (copy / "sam/frame.py").rename(copy / "sam/frames.py")
    seen.add(digest())
    assert len(seen) == 8
    assert digest() in seen


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a package and with modules that import each other."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    files = {
        "own_package/__init__.py": "",
        "own_package/nets/__init__.py": "",
        "own_package/nets/base.py": "from lit_samseg.baselines import Baseline\nclass Base(Baseline): pass\n",
        "own_package/entry.py": "from own_package.nets.base import Base\nclass Own(Base): pass\n",
        "own_module.py": "import own_further\nfrom lit_samseg.data import Scenes\nclass Data(Scenes): pass\n",
        "own_further.py": "def later():\n    from own_constants.values import SCALE\n    return SCALE\n",
        "own_constants/values.py": "SCALE = 1\n",
        "unrelated.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    importlib.invalidate_caches()
    yield tmp_path  # type: ignore[misc]
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]
    # Else the classes stay among their bases' subclasses, and what lists those looks for their modules.
    gc.collect()


def test_code_from_elsewhere_counts(plugin: Path) -> None:
    own = importlib.import_module("own_package.entry").Own
    data = importlib.import_module("own_module").Data
    assert len({digest(), digest(own), digest(data), digest(own, data)}) == 4
    assert digest(own, data) == digest(data, own)
    for kind, names in (
        (own, ("own_package/entry.py", "own_package/nets/base.py", "own_package/__init__.py")),
        (data, ("own_module.py", "own_further.py", "own_constants/values.py")),
    ):
        for name in names:
            before = digest(kind)
            (plugin / name).write_text((plugin / name).read_text() + "# changed\n")
            assert digest(kind) != before, name
    before = digest(own, data)
    (plugin / "unrelated.py").write_text("changed = True\n")
    assert digest(own, data) == before


def test_a_part_from_elsewhere_counts(plugin: Path) -> None:
    """A baseline of this package's with a network of somebody's in it."""
    (plugin / "own_net.py").write_text("import torch\nclass Net(torch.nn.Identity): pass\n")
    baseline = CountingBaseline()
    before = digest(*map(type, baseline.modules()))
    baseline.net = importlib.import_module("own_net").Net()
    assert digest(*map(type, baseline.modules())) != before


def test_libraries_are_compared_by_version(plugin: Path) -> None:
    assert digest(torch.nn.Linear, dict, Path, Scenes) == digest()


def test_classes_are_found_in_a_configuration(plugin: Path) -> None:
    scenes = {"class_path": "lit_samseg.data.Scenes", "init_args": {"size": 3}}
    config = {"data": scenes, "trainer": {"callbacks": [{"class_path": "own_module.Data"}]}, "class_path": 3}
    assert [kind.__name__ for kind in classes_of_config(config)] == ["Scenes", "Data"]


def test_a_class_without_a_file_shares_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    typed = type("Typed", (CountingBaseline,), {"__module__": "no_such_module"})
    baseline = typed()
    assert isinstance(baseline, Baseline)
    assert code_digest([typed]) is None
    with caplog.at_level(logging.WARNING):
        cached, sam = cache_networks(baseline, CountingSam(), str(tmp_path))
    assert cached is baseline
    assert sam is not None
    assert "no_such_module.Typed has no source file" in caplog.text
    runs = [identity_of_run("test", {}, {}, ["a"], torch.device("cpu"), [typed]) for _ in range(2)]
    assert 'versions.code was "unknown (a class without a source file)' in describe_differences(*runs)
    known = [identity_of_run("test", {}, {}, ["a"], torch.device("cpu"), [CountingSam]) for _ in range(2)]
    assert describe_differences(*known) == ""
