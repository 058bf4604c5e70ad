"""How often the host waits for a GPU, how much it launches, and what memory it takes: never more than this.

Whoever makes it less lowers the numbers at the top.
"""

import pytest
import torch

from lit_samseg.refine import PAPER_VARIANTS
from scripts.benchmarking.blobs import Blobs, BlobsBaseline
from tests.emulation.evaluated import World
from tests.emulation.meter import Meter
from tests.emulation.tensors import OnCuda

WAITS = {"paper": 4, "auto": 10, "analysis": 7, "auto, analysis": 13}
"""Most waits an image: of the paper's six rows, the baseline's among them; of `auto`; of both with analysis."""

LAUNCHES = {"paper": 820, "auto": 1774, "analysis": 2762, "auto, analysis": 1798}
"""Most launches an image of the same."""

BYTES = {"component": {32: 143, 96: 158, 200: 158}, "analysis": {32: 217, 96: 231, 200: 231}}
"""Most bytes a pixel beside the networks by number of regions, all of one class; then of the same row with analysis."""

WITHIN = {"component": 96, "analysis": 32}
"""More regions are for slow tests."""

HEIGHT, WIDTH = 360, 480
COMPONENT = "points+box+mask@component"


@pytest.fixture(scope="module")
def scenes() -> World:
    return World()


@pytest.mark.parametrize("case", WAITS)
def test_waits_and_launches(scenes: World, gpu: Meter, case: str) -> None:
    rows, analysis = ["auto"] if case.startswith("auto") else list(PAPER_VARIANTS), case.endswith("analysis")
    found, expected = scenes.on_gpu(gpu, rows, analysis), scenes.on_cpu(rows, analysis)
    images = len(expected)
    assert gpu.waits <= WAITS[case] * images, gpu.report()
    assert gpu.launches <= LAUNCHES[case] * images, gpu.report()
    assert gpu.tf32_at.total() == 0
    for ours, theirs in zip(found, expected, strict=True):
        assert list(ours.rows) == list(theirs.rows)
        for row, label_map in ours.rows.items():
            assert isinstance(label_map, OnCuda)
            assert torch.equal(label_map.inner, theirs.rows[row])


@pytest.mark.parametrize(
    ("case", "regions"),
    # By default there are fewer regions.
    [pytest.param(c, n, marks=[pytest.mark.slow] if n > WITHIN[c] else []) for c in BYTES for n in BYTES[c]],
)
def test_memory(gpu: Meter, case: str, regions: int) -> None:
    shape = (HEIGHT, WIDTH, regions, 2)
    blobs = World(Blobs(shape, 1), BlobsBaseline(shape), ids=["blobs_00000"])
    (maps,) = blobs.on_gpu(gpu, [COMPONENT], case == "analysis", warm=False)
    assert len(maps.prompts[COMPONENT]) == regions
    assert gpu.peak <= BYTES[case][regions] * HEIGHT * WIDTH, f"{gpu.peak / HEIGHT / WIDTH}\n{gpu.report()}"
