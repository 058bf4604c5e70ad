"""A digest of all code that numbers depend on: this package's, and that of classes from elsewhere."""

import ast
import functools
import hashlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_RECORDED = {
    "lit_samseg",
    "torch",
    "torchvision",
    "torchmetrics",
    "lightning",
    "transformers",
    "segment_anything",
    "timm",
    "numpy",
    "cv2",
    "PIL",
    "safetensors",
    "skimage",
    "scipy",
    # Its layers compute in trainings alone, and nothing that they compute is kept.
    "peft",
}
"""Packages whose versions are compared, this one, and one that decides nothing that is kept."""
_MOST_FILES = 2000
"""Of a package from elsewhere; of further files only name and size count."""


def code_digest(classes: Iterable[type], modules: Iterable[str] = ()) -> str | None:
    """Return a digest of this package's code, and of the files of classes from elsewhere and of their base classes.

    A class of a package stands for the package; one of a single file for that file and all that it imports from its
    own folder. Libraries whose versions are compared anyway are left out.

    Args:
        classes: Those in use.
        modules: Names of imported modules that are in use beside theirs.

    Returns:
        64 hexadecimal digits; None where a class has no source file, as in a notebook: then nobody can tell whether it
        is what it was.
    """
    names = {base.__module__ for kind in classes for base in kind.__mro__} | set(modules)
    own = {name for name in names if (top := _top(name)) not in _RECORDED and top not in sys.stdlib_module_names}
    return _digest_of_modules(tuple(sorted(own)))


def classes_of_config(config: object) -> Iterator[type]:
    """Find the classes that a configuration names by their ``class_path``."""
    if isinstance(config, Mapping):
        path: Any = config.get("class_path")
        if isinstance(path, str):
            found = pkgutil.resolve_name(path)
            if isinstance(found, type):
                yield found
    inner = config.values() if isinstance(config, Mapping) else config if isinstance(config, list) else ()
    for value in inner:
        yield from classes_of_config(value)


@functools.cache
def _digest_of_modules(names: Sequence[str]) -> str | None:
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    _add(digest, package, sorted(package.rglob("*.py")))
    # Once, however many classes are of one package.
    for root, files in sorted(dict(map(_files_of_module, names)).items()):
        if not files:
            return None
        digest.update(root.encode())
        _add(digest, files[0].parent, files)
    return digest.hexdigest()


def _files_of_module(name: str) -> tuple[str, list[Path]]:
    """Return what a module is part of, and the files of that; none where there is no source."""
    top = sys.modules.get(_top(name))
    if folders := getattr(top, "__path__", None):
        return _top(name), sorted({path for folder in folders for path in Path(folder).rglob("*.py")})
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or not Path(file).is_file():
        return name, []
    path = Path(file).resolve()
    # Beside it are libraries of all kinds, which are nobody's part.
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return name, [path] if installed else [path, *_beside(path)]


def _beside(start: Path) -> list[Path]:
    """Return the files that one imports, directly or not, from its own folder."""
    found: set[Path] = set()
    todo = [start]
    while todo and len(found) < _MOST_FILES:
        path = todo.pop()
        if path in found or path.suffix != ".py":
            continue
        found.add(path)
        for name in _imported(path):
            module, package = start.parent / f"{name}.py", start.parent / name
            todo += [module] if module.is_file() else sorted(package.rglob("*.py")) if package.is_dir() else []
    return sorted(found - {start})


def _imported(path: Path) -> set[str]:
    """Return the top-level names of all modules that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    names = {_top(alias.name) for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {_top(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def _add(digest: Any, root: Path, files: Sequence[Path]) -> None:
    for n, path in enumerate(files):
        name = path.relative_to(root) if path.is_relative_to(root) else path.name
        digest.update(f"{name} {path.stat().st_size}\n".encode())
        if n < _MOST_FILES:
            digest.update(hashlib.sha256(path.read_bytes()).digest())


def _top(name: str) -> str:
    return name.partition(".")[0]
