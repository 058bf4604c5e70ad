"""README and docs: the front page stays short and leads to every page; links, commands and named files exist."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lit_samseg.cli.description import COMMANDS
from tests.conftest import PROJECT

README = PROJECT / "README.md"
PAGES = [
    README,
    *(PROJECT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
    *sorted(PROJECT.glob("docs/**/*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def without_code(path: Path) -> str:
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(path: Path) -> list[str]:
    """Return the targets of a page's links and pictures, those to other sites left out."""
    found = LINK.findall(re.sub(r"`[^`\n]*`", "", without_code(path)))
    return [link for link in found if not re.match(r"\w+:", link)]


def anchors(path: Path) -> Iterator[str]:
    """Yield the anchors of a page's headings, as GitHub makes them: lower case, hyphens for spaces, no punctuation."""
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#+ (.+)$", without_code(path), re.MULTILINE):
        shown = LINK.sub("", heading).replace("[", "")
        name = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        yield f"{name}-{seen[name]}" if seen[name] else name
        seen[name] += 1


def broken(path: Path) -> list[str]:
    found = []
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        if not target.exists() or (anchor and anchor not in set(anchors(target))):
            found.append(link)
    return found


def test_the_front_page_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    assert broken(page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One `two`: three\n\n## Again\n\n## Again\n\n```bash\n# No heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md) [b](other.md#one-two-three) [c](other.md#again-1) [d](#here) [e](https://example.org/none)\n"
        "`[f](code)` [g](none.md) [h](other.md#no-heading) [i](#there) ![j](none.png) [k](other.md#again-2)\n"
    )
    assert broken(page) == ["none.md", "other.md#no-heading", "#there", "none.png", "other.md#again-2"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_commands_and_files_that_are_named_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    commands = re.findall(r"(?:^ *|`)(lit-samseg [a-z].*)", text, re.MULTILINE)
    assert [command for command in commands if re.split(r"[\s`]", command)[1] not in COMMANDS] == []
    named = set(re.findall(r"(?<![\w/])(?:configs|scripts|tests)/[a-z][\w./]*\.(?:yaml|py|sh)\b", text))
    for command in commands:
        named |= {
            f"configs/{name}.yaml" for name in re.findall(r"(?:--config|study|configs) ([a-z]\w*)(?![\w./])", command)
        }
    assert [name for name in named if not (PROJECT / name).is_file()] == []


def test_the_front_page_leads_to_every_page() -> None:
    named = {(PROJECT / link.partition("#")[0]).resolve() for link in links(README)}
    assert [page for page in PAGES[1:] if page.resolve() not in named] == []


def test_the_front_page_has_the_commands_that_are_checked() -> None:
    """``.ci/run`` runs the second, and a demo is what a newcomer tries."""
    text = README.read_text(encoding="utf-8")
    for script in ("scripts/demo.sh", "scripts/test.sh"):
        assert re.search(rf"^bash {script}\b", text, re.MULTILINE)
        assert (PROJECT / script).is_file()
    assert "bash scripts/test.sh" in (PROJECT / ".ci/run").read_text(encoding="utf-8")
