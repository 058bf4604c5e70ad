"""A real headless Chromium, and a finished run of the built-in world."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import PROJECT, made_once, run_quietly

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(sys.prefix) / "axe/node_modules/axe-core/axe.min.js"
"""Where ``.ci/run`` installs the accessibility checker: ``npm install --prefix .venv/axe axe-core``."""

NEEDED = "LIT_SAMSEG_REQUIRE_BROWSER"
"""Set where a missing browser is a failure, as in CI; elsewhere it is a reason to skip."""


IMAGES = 12
"""Of the run that most tests look at: about as few as tell a row from the baseline."""

ROWS = ("point", "box", "points+box+mask", "points+box+mask@component", "auto")
"""Its rows, of which the first four have a ladder: every shape that a prompt has, and both kinds of regions."""


def missing(what: str) -> None:
    if os.environ.get(NEEDED):
        pytest.fail(f"{NEEDED} is set, but there is no {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture
def axe() -> str:
    """axe-core's program; asked for before a page is, since one that is asked for must be opened."""
    if not AXE.is_file():
        missing(f"axe-core in {AXE}")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        missing("chromium")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
        )
        yield launched
        launched.close()


USUAL = {"viewport", "color_scheme"}
"""Options that a page can change; any other needs a context of its own, with processes of its own."""


@pytest.fixture(scope="session")
def usual_page(browser: Browser) -> Iterator[Page]:
    """One page that tests open their files in, one after the other: a page of its own takes three times as long."""
    page = browser.new_page()
    yield page
    page.context.close()


class OpenPage:
    """Opens files, each anew: in the page that all tests use, or in a context of its own where its options need one.

    Attributes:
        asked: Every URL that was asked for.
        complaints: What the pages said on the console, and errors.
    """

    def __init__(self, browser: Browser, usual_page: Page) -> None:
        self.browser = browser
        self.usual_page = usual_page
        self.contexts: list[BrowserContext] = []
        self.heard: list[tuple[Any, str, Callable[[Any], object]]] = []
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.allowed: list[str] = []

    def __call__(self, path: Path, fragment: str = "", beside: str | None = None, **options: Any) -> Page:
        """Open a file; it may ask for itself, and for what is in the folder ``beside`` it."""
        if options.keys() <= USUAL:
            self.leave()
            page = self.usual_page
            page.set_viewport_size(options.get("viewport", {"width": 1280, "height": 720}))
            page.emulate_media(media="null", color_scheme=options.get("color_scheme", "light"))
        else:
            context = self.browser.new_context(**options)
            self.contexts.append(context)
            page = context.new_page()
        self.listen(page)
        self.allowed.append(path.as_uri())
        if beside is not None:
            self.allowed.append(f"{path.parent.as_uri()}/{beside}/")
        page.goto(path.as_uri() + fragment)
        return page

    def listen(self, page: Page) -> None:
        """Hear what a page asks for and complains of."""
        # A script of a hostile name would open a dialog; dismissed, or the page would wait for ever.
        heard: list[tuple[Any, str, Callable[[Any], object]]] = [
            (page.context, "request", lambda request: self.asked.append(request.url)),
            (page, "console", lambda message: self.complaints.append(f"{message.type}: {message.text}")),
            (page, "dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss())),
            (page, "pageerror", lambda error: self.complaints.append(str(error))),
        ]
        for source, event, hear in heard:
            source.on(event, hear)
        if page is self.usual_page:
            self.heard = heard

    def leave(self) -> None:
        """Leave the usual page as if no file had been opened in it; the report keeps nothing beside its own URL."""
        self.usual_page.mouse.move(0, 0)
        self.usual_page.goto("about:blank")
        for source, event, hear in self.heard:
            source.remove_listener(event, hear)
        self.heard = []

    def close(self) -> None:
        self.leave()
        for context in self.contexts:
            context.close()


@pytest.fixture
def open_page(browser: Browser, usual_page: Page) -> Iterator[OpenPage]:
    """At the end no page may have complained, or asked for anything but itself."""
    opener = OpenPage(browser, usual_page)
    yield opener
    opener.close()
    assert opener.complaints == []
    assert opener.asked
    assert [url for url in opener.asked if not url.startswith(("data:", *opener.allowed))] == []


@pytest.fixture(scope="session")
def demo_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of ``configs/demo.yaml`` on a few scenes."""

    def make(folder: Path) -> None:
        words = [
            "test",
            "--config",
            PROJECT / "configs/demo.yaml",
            f"--data.size={IMAGES}",
            f"--model.variants=[{', '.join(ROWS)}]",
            "--trainer.accelerator=cpu",
        ]
        out = run_quietly(*words, "--model.save_predictions=true", "--output_dir", folder)
        assert f"Report: {folder}/report.html" in out

    return made_once(tmp_path_factory, "demo_report", make)


ASKED = {
    "wide": "a box",
    "cebox@component": "a box",
    "pole+negative": "a point (disc), a background point (cross)",
    "gauss": "a mask (gauss, not drawn)",
    "box@split": "a box",
}
"""Rows whose prompts no region's tight box tells, and what a report says of them."""


@pytest.fixture(scope="session")
def asked_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one scene with the rows in `ASKED`."""

    def make(folder: Path) -> None:
        words = ["test", "--config", PROJECT / "configs/demo.yaml", "--trainer.accelerator=cpu", "--data.size=1"]
        run_quietly(*words, f"--model.variants=[{', '.join(ASKED)}]", "--model.analysis=false", "--output_dir", folder)

    return made_once(tmp_path_factory, "asked_report", make)
