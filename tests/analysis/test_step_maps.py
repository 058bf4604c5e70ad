"""Maps painted together against one canvas each."""

import pytest
import torch

from lit_samseg.analysis.image_truth import ImageTruth
from lit_samseg.analysis.step_maps import StepMaps
from lit_samseg.refine import Canvas
from lit_samseg.sam import MaskWindow

STEPS = 3


@pytest.mark.parametrize("background", [0, None])
def test_each_step_is_a_canvas_of_its_own(background: int | None) -> None:
    generator = torch.Generator().manual_seed(5)
    fill = "baseline" if background is None else "background"
    ties = 0
    for _ in range(30):
        # So few pixels that keys are equal now and then.
        label_map = torch.randint(-1, 5, (4, 5), generator=generator, dtype=torch.int16)
        image = ImageTruth(label_map, label_map, background, 255)
        maps = StepMaps(label_map, fill, background, STEPS)
        canvases = [Canvas(label_map, fill, background) for _ in range(STEPS)]
        assert torch.equal(maps.finish(), label_map.expand(STEPS, -1, -1))
        for class_id in (1, 2, 4):
            top, left = (int(corner) for corner in torch.randint(0, 3, (2,), generator=generator))
            masks = torch.rand(STEPS, 2, 3, generator=generator) > 0.4
            window = MaskWindow(top, left, masks)
            maps.paint(image.of(class_id), window.area, masks)
            for canvas, mask in zip(canvases, masks, strict=True):
                canvas.paint(class_id, MaskWindow(top, left, mask[None]))
        found = maps.finish()
        assert found.dtype == label_map.dtype
        assert torch.equal(found, torch.stack([canvas.finish() for canvas in canvases]))
        keys = maps._keys[:, 1:]
        ties += int((keys[:, :, None] == keys[:, None]).sum()) - keys.numel()
    assert ties > 0
