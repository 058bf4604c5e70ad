"""The documentation as a site: pages, contents and links agree, and what is said of the code is so."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.write_cli import make_page
from tests.conftest import PROJECT, made_once
from tests.test_house import graph, modules, room

DOCS = PROJECT / "docs"
CONFIGURATION = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))


def listed(contents: Any) -> Iterator[str]:
    """Yield the pages of a table of contents."""
    if isinstance(contents, str):
        yield contents
    else:
        for part in contents.values() if isinstance(contents, dict) else contents:
            yield from listed(part)


def named_rooms() -> dict[str, set[str]]:
    """Return the rooms of the architecture's tables in their order, and the libraries that each may import."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]*)\|$", text, re.MULTILINE)
    return {name: set(re.findall(r"\w+", libraries)) for name, libraries in lines}


def own_name(name: str) -> str:
    return room(name).partition(".")[2] or "__init__"


def built_site(factory: pytest.TempPathFactory) -> Path:
    """Return the site's folder, built once: any warning, as about a link or an anchor, is an error."""
    missing = [name for name in ("mkdocs", "material", "mkdocstrings") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (pip install 'lit_samseg[docs]')")

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
        # A notice about releases to come is no warning about these pages.
        surroundings = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        done = subprocess.run(command, cwd=PROJECT, env=surroundings, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    return made_once(factory, "site", make)


def left_over(page: str) -> list[str]:
    """Return paragraphs, items and cells of HTML in which Markdown is left that the site does not know as such."""
    page = re.sub(r"<pre.*?</pre>|<code.*?</code>", "", page, flags=re.DOTALL)
    parts = [found[2] for found in re.finditer(r"<(p|li|td)>((?:(?!</?\1>).)*)</\1>", page, re.DOTALL)]
    return [part for part in parts if re.search(r"\n\s*(?:[-*]|\d+\.) \S|\|\s*-{3}|`|\]\(\S+\)|\*\*", part)]


def test_every_page_is_in_the_contents_and_every_entry_is_a_page() -> None:
    pages = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
    assert len(pages) > 20
    assert sorted(listed(CONFIGURATION["nav"])) == pages


def test_the_command_line_is_that_of_the_parsers() -> None:
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == make_page(), "run scripts/write_cli.py"


def test_the_architecture_names_every_room_once() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]*\|$", text, re.MULTILINE)
    assert sorted(named) == sorted({own_name(name) for name in modules()})


def test_rooms_import_what_stands_above_them() -> None:
    order = list(named_rooms())
    for name, others in graph().items():
        own = own_name(name)
        above = {*order[: order.index(own)], own}
        assert {own_name(other) for other in others} <= above, name


def test_rooms_import_the_libraries_that_are_named() -> None:
    known, found = named_rooms(), 0
    for name, path in modules().items():
        tops = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                tops.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Import):
                tops |= {alias.name.partition(".")[0] for alias in node.names}
        others = tops - set(sys.stdlib_module_names) - {"lit_samseg"}
        assert others <= known[own_name(name)], name
        found += len(others)
    assert found > 100


def test_the_glossary_has_the_words_and_a_link_for_each() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    entries = {part.partition("\n")[0]: part for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]}
    own = ["Row", "Region", "Prompt", "Candidate", "Label map", "Logits", "Embedding", "Ladder", "Gate", "Belief"]
    own += ["Judge", "Fill", "Evidence", "Void, ignore index", "mIoU", "mAcc", "Boundary IoU", "Interval", "Verdict"]
    assert set(own) <= set(entries)
    assert [name for name, entry in entries.items() if not re.search(r"\]\([\w/]+\.md", entry)] == []


def test_the_site_is_built_without_a_warning(tmp_path_factory: pytest.TempPathFactory) -> None:
    site = built_site(tmp_path_factory)
    built = {str(path.relative_to(site).with_suffix("")) for path in site.rglob("*.html")}
    expected = {page.removesuffix(".md").replace("README", "index") for page in listed(CONFIGURATION["nav"])}
    assert expected <= built
    api = (site / "reference/refiner.html").read_text(encoding="utf-8")
    assert 'id="lit_samseg.Refiner.from_pretrained"' in api
    assert 'id="lit_samseg.Refiner.__call__"' in api
    assert 'id="lit_samseg.Refiner._segment"' not in api
    # What a docstring has after ``>>>`` is code, not a quotation.
    assert "<blockquote>" not in "".join(
        page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html")
    )


def test_the_site_takes_nothing_from_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    site = built_site(tmp_path_factory)
    texts = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    loaded = [tag for text in texts for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", text)]
    assert len(loaded) > 50
    assert [tag for tag in loaded if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)] == []


def test_no_markdown_is_left_in_the_site(tmp_path_factory: pytest.TempPathFactory) -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in built_site(tmp_path_factory).rglob("*.html")}
    assert sum(page.count("<p>") for page in pages.values()) > 500
    assert [(name, part) for name, page in pages.items() for part in left_over(page)] == []


@pytest.mark.parametrize(
    "text", ["two:\n- one\n- two", "| a |\n| --- |", "a `word", "[a page](page.md)", "**bold", "two:\n1. one"]
)
def test_markdown_that_is_left_is_found(text: str) -> None:
    assert left_over(f"<p>fine</p>\n<p>{text}</p><pre>- {text}</pre>") == [text]
    assert left_over(f"<p>one - two * three, <code>{text}</code></p>") == []
