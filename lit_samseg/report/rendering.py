"""Templates filled in, and plots as a page that may be light or dark holds them."""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from lit_samseg.plots import svg
from lit_samseg.report.cards import as_data_url
from lit_samseg.report.columns import about_column
from lit_samseg.results import run_tables


@dataclass(frozen=True)
class Plot:
    """A plot as the page shows it.

    Attributes:
        title: Above it.
        words: What it shows, for people who do not see it.
        light: URL of the SVG for light pages and paper.
        dark: URL of the SVG for dark pages.
    """

    title: str
    words: str
    light: str
    dark: str


def as_plots(drawn: Iterable[tuple[str, str, Figure | None]]) -> list[Plot]:
    """Make plots of titles, words and figures, of which those that are None are left out; within ``plotting()``."""
    return [
        Plot(title, words, *(as_data_url(text.encode(), "svg+xml") for text in svg(figure)))
        for title, words, figure in drawn
        if figure is not None
    ]


def fill_in(template: str, styles: Iterable[str], scripts: Iterable[str], **values: Any) -> str:
    """Return a page as HTML.

    Args:
        template: Its file.
        styles: Files of its CSS, which the template has as ``style``.
        scripts: Files of its JavaScript, which it has as ``script``, and the only one that its policy allows.
        values: What it is filled with.
    """
    script = "".join(_text_of(name) for name in scripts)
    return (
        _environment()
        .get_template(template)
        .render(
            style="".join(_text_of(name) for name in styles),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            **values,
        )
    )


@cache
def _environment() -> Environment:
    """Return what fills in templates; kept, since compiling the page's takes longer than filling it in."""
    environment = Environment(
        loader=PackageLoader("lit_samseg.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["about_column"] = about_column
    environment.filters |= {"per_cent": run_tables.per_cent, "points": run_tables.points, "breakable": _breakable}
    return environment


def _breakable(name: str) -> Markup:
    """Escape a text and let narrow columns break the names of rows in it between their words."""
    return Markup("<wbr>").join(map(escape, re.split(r"(?<=[+/])(?=[^\W\d])|(?=@)", name)))


def _text_of(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]
