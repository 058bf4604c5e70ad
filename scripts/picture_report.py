"""Takes the documentation's pictures of the built-in world's report: its first screen, on a desk and on a phone.

``python scripts/picture_report.py RUN``, with the folder of ``lit-samseg test --config demo``; it needs Chromium and
playwright (``bash scripts/browser.sh``, ``pip install '.[test]'``). Only the built-in world's images may be published.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent.parent / "docs"

SCREENS = {"report.png": (1440, 900), "report_phone.png": (390, 844)}
"""Widths and heights by file, in pixels."""


def main() -> None:
    """Take both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run of the built-in world")
    parser.add_argument("--output_dir", type=Path, default=DOCS, help="where the pictures go")
    words = parser.parse_args()
    report = (words.run / "report.html").resolve()
    if not report.is_file():
        parser.error(f"{report} is not there; run lit-samseg test --config demo --output_dir {words.run}")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        parser.error("there is no Chromium; bash scripts/browser.sh installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (width, height) in SCREENS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            page.goto(report.as_uri())
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            # Less than half the size of true colours. Without the means the photo has all colours, and the legend none.
            picture = picture.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE)
            picture.save(words.output_dir / name, optimize=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
