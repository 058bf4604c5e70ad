"""What a refinement holds does not grow with the number of regions."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, torch
from lit_samseg.refine import ImageContext, parse_variants, refine
from lit_samseg.sam import SegmentAnything
rows, kind = int(sys.argv[1]), sys.argv[2]
height, width = 2000, 3000
sam = SegmentAnything("demo")
image = torch.zeros(3, height, width, dtype=torch.uint8)
label_map = (torch.arange(height) * rows // height)[:, None].expand(height, width).contiguous()
if kind == "component":
    label_map = label_map % 2
context = ImageContext(image, label_map, sam)
context.embedding
(variant,) = parse_variants([f"points+box+mask@{kind}"], False)
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
regions = context.regions(variant.finder)
assert len(regions) == rows, len(regions)
refined = refine(context, variant)
assert refined.shape == label_map.shape
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 2**10)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("kind", ["class", "component"])
def test_memory_does_not_grow_with_regions(kind: str) -> None:
    """2000 x 3000 pixels: a bool map is 6 MB, so 100 float masks would be 2.4 GB."""
    used = {}
    for rows in (40, 100):
        command = [sys.executable, "-c", SCRIPT, str(rows), kind]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        used[rows] = float(done.stdout)
    assert used[40] < 1000
    # Of 60 more regions all float masks would be 1.4 GB; what an allocator leaves between is not ours.
    assert used[100] < used[40] + 300
