"""The rooms of the package: imports go downwards only, and nothing stands loose at the top."""

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PACKAGE = PROJECT / "lit_samseg"
MOST_AT_THE_TOP = 8
MOST_PARAMETERS = 7


def modules() -> dict[str, Path]:
    """Return the package's files by the names they are imported by."""
    files = {".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in files.items()}


def imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield what a file imports of the package, at its top, in functions and for types."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(name: str) -> str:
    """Return a module's room: its folder, or the module itself at the top."""
    return ".".join(name.split(".")[:2])


def graph() -> dict[str, set[str]]:
    """Return which of the package's modules each module imports."""
    known = modules()
    return {name: {other for other in imported(path, known) if other in known} for name, path in known.items()}


def test_no_module_imports_itself_by_way_of_others() -> None:
    found = graph()
    assert len(found) > 200
    order = list(graphlib.TopologicalSorter(found).static_order())
    assert set(order) == set(found)


def test_no_room_imports_itself_by_way_of_others() -> None:
    rooms: dict[str, set[str]] = {}
    for name, others in graph().items():
        rooms.setdefault(room(name), set()).update({room(other) for other in others} - {room(name)})
    list(graphlib.TopologicalSorter(rooms).static_order())


def test_a_circle_would_be_found() -> None:
    with pytest.raises(graphlib.CycleError):
        list(graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())


def test_little_stands_at_the_top() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= MOST_AT_THE_TOP


@pytest.mark.parametrize("folder", ["refine", "evaluation"])
def test_functions_have_few_parameters(folder: str) -> None:
    seen = 0
    for path in (PACKAGE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                names = [one.arg for one in given if one.arg not in ("self", "cls")]
                assert len(names) <= MOST_PARAMETERS, f"{path}: {node.name}"
                seen += 1
    assert seen > 10
