"""What a report draws of each row's prompts, in a real headless Chromium, against what SAM is asked."""

from pathlib import Path

import pytest

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.refiner import Refiner
from lit_samseg.sam import SegmentAnything
from tests.report.conftest import ASKED, OpenPage
from tests.report.test_gallery import drawn
from tests.report.using import choose, shown


def test_each_prompt_is_drawn_where_sam_got_it(asked_report: Path, open_page: OpenPage) -> None:
    page = open_page(asked_report / "report.html")
    page.locator("[name=prompts]").check()
    (card_id,) = shown(page)
    image = Scenes(size=1).read(card_id, with_target=False).image
    networks = SegmentAnything("demo"), MobileNetV2DeepLab("demo")
    for row, words in ASKED.items():
        prompts = [one.prompt for one in Refiner(*networks, variant=row, device="cpu")(image, details=True).decisions]
        assert prompts
        choose(page, row=row)
        boxes = {tuple(prompt.box.tolist()) for prompt in prompts if prompt.box is not None}
        expected = sorted((x0, y0, x1 - x0 + 1, y1 - y0 + 1) for x0, y0, x1, y1 in boxes)
        assert sorted(drawn(page, card_id, "rect")) == [pytest.approx(box, abs=0.02) for box in expected]
        points = {tuple(at) for prompt in prompts if prompt.points is not None for at in prompt.points.tolist()}
        discs = sorted((x - 0.5, y - 0.5) for x, y in drawn(page, card_id, "circle"))
        assert discs == [pytest.approx(point, abs=0.02) for point in sorted(points)]
        negative = {tuple(at) for p in prompts if p.negative_points is not None for at in p.negative_points.tolist()}
        crosses = page.locator(f"[id='{card_id}'] .stage .prompts path").evaluate_all(
            "all => all.filter(e => getComputedStyle(e.parentNode).display !== 'none').map(e => e.getBBox())"
            ".map(b => [b.x + b.width / 2 - 0.5, b.y + b.height / 2 - 0.5])"
        )
        assert sorted(crosses) == [pytest.approx(point, abs=0.02) for point in sorted(map(list, negative))]
        assert f"Prompts of each region: {words}." in page.locator(".asks").inner_text()
