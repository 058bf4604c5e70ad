"""What recognition is worth on real images: figures that were found before by other code, of the same label maps."""

import numpy as np
import pytest
import torch

from lit_samseg.analysis import FOUND, RUNGS, Recognition
from lit_samseg.analysis.likeliest import likeliest_of_truth
from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import VOC2012
from lit_samseg.metrics import ImageFacts, ImageRows, score
from tests.conftest import SHARED
from tests.refine.contexts import context_of

pytestmark = [pytest.mark.slow, pytest.mark.real]

BASELINE = 75.766
GAINS = {"absent": 2.36, "classes": 5.41, "absent+classes": 7.20, "objects": 6.99, "absent+objects": 8.86}
GAINS |= {"components": 3.69}
OTHERS = {"absent": 2.10}
"""Without the baseline's scores."""

COUNTS = {"classes": 338, "missed_classes": 58, "objects": 747, "missed_objects": 274, "missed_small_objects": 184}


def test_deeplab_on_voc() -> None:
    data = VOC2012(root=str(SHARED / "data"), split="val")
    baseline = MobileNetV2DeepLab(str(SHARED / "weights/deeplabv3_mobilenetv2_voc"))
    counts: list[list[dict[str, np.ndarray]]] = [[], []]
    pixels = []
    with torch.inference_mode():
        for image_id in data.find_ids():
            sample = data.read(image_id, with_target=True)
            label_map, scores = baseline.predict(sample.image, image_id)
            context = context_of(label_map, image=sample.image, logits=scores, target=sample.target)
            assert sample.target is not None
            for known, likeliest in zip(counts, (likeliest_of_truth(context), None), strict=True):
                image = ImageRows(ImageFacts(image_id, 21, 255), label_map[None], sample.target, likeliest=likeliest)
                known.append({name: rows[0] for name, rows in Recognition(0).count_rows(image).items()})
            pixels.append(image.pixels_on_host[0])
    own = np.stack(pixels, axis=1)
    before = 100 * score(own).miou_gt_present
    assert before == pytest.approx(BASELINE, abs=0.01)
    for known, expected in zip(counts, (GAINS, OTHERS), strict=True):
        rungs = np.stack([image["rungs"] for image in known], axis=2)
        gains = {
            rung: 100 * score(np.stack([right, own[1], predicted])).miou_gt_present - before
            for rung, (right, predicted) in zip(RUNGS, rungs, strict=True)
        }
        for rung, gain in expected.items():
            assert gains[rung] == pytest.approx(gain, abs=0.01), rung
        found = dict(zip(FOUND, sum(image["found"] for image in known).tolist(), strict=True))
        assert {name: found[name] for name in COUNTS} == COUNTS
