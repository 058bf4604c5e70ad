"""The documentation's site in the browser, as it is served: narrow and wide, light and dark."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page

from tests.test_documentation import built_site


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site is served."""
    handler = partial(Quiet, directory=str(built_site(tmp_path_factory)))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that may ask for the site alone, and must not complain."""
    context = browser.new_context()
    page, asked, complaints = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
    assert asked
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


def open_at(page: Page, address: str, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(address)
    page.wait_for_load_state("networkidle")


ALSO = pytest.mark.slow
"""Each width and each scheme is looked at by default, once."""


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(390, "dark"), (1440, "light"), pytest.param(390, "light", marks=ALSO), pytest.param(1440, "dark", marks=ALSO)],
)
def test_axe_finds_no_serious_fault(axe: str, address: str, page: Page, width: int, scheme: str) -> None:
    # Its tables are wider than a phone.
    for name in ("index", "architecture") if width == 390 else ("index",):
        open_at(page, f"{address}/{name}.html", width, scheme)
        palette = {"light": "default", "dark": "slate"}[scheme]
        assert page.locator("body").get_attribute("data-md-color-scheme") == palette
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.evaluate(axe)
        found = page.evaluate("axe.run()")
        assert found["passes"]
        serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious] == []


def test_a_search_finds_a_word(address: str, page: Page) -> None:
    open_at(page, f"{address}/index.html", 1440, "light")
    page.locator("input[name=query]").click()
    # The index is taken when the field is first entered.
    page.wait_for_load_state("networkidle")
    page.keyboard.type("Boundary IoU", delay=20)
    first = page.locator(".md-search-result__link").first
    first.wait_for()
    links = page.locator(".md-search-result__link").evaluate_all("all => all.map(one => one.href)")
    assert any("glossary.html" in link for link in links)
