"""Images that are scaled for SAM where they are read: the same pixels, and nothing is scaled again."""

import pickle
from pathlib import Path

import pytest
import torch

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.cache import cache_networks
from lit_samseg.data import Scenes
from lit_samseg.sam import SegmentAnything, remember_resized
from tests.refine.fake_sam import BoxFillingSam


@pytest.mark.parametrize("num_workers", [0, 1])
def test_readers_scale_as_the_encoder_would(num_workers: int) -> None:
    sam, data = SegmentAnything("demo"), Scenes(size=2, num_workers=num_workers)
    data.setup("test")
    # As a process that is no fork gets it.
    data.prepare = pickle.loads(pickle.dumps(sam.resizer()))
    batches = list(data.test_dataloader())
    assert len(batches) == 2
    for (sample,) in batches:
        expected = sam.frame(sample.image).resize_image(sample.image)
        assert torch.equal(sample.resized, expected)
        assert sample.resized.stride() == expected.stride()


def test_the_encoder_takes_what_was_scaled() -> None:
    sam, image = SegmentAnything("demo"), Scenes(size=1).read("scene_00000", with_target=False).image
    resizer = sam.resizer()
    assert resizer is not None
    expected = sam.encode([image])[0].features
    remember_resized(image, resizer(image))
    assert torch.equal(sam.encode([image])[0].features, expected)
    remember_resized(image, torch.zeros_like(resizer(image)))
    assert not torch.equal(sam.encode([image])[0].features, expected)
    # What is not of this frame is of another SAM.
    remember_resized(image, torch.zeros(3, 5, 5, dtype=torch.uint8))
    assert torch.equal(sam.encode([image])[0].features, expected)


def test_others_scale_themselves(tmp_path: Path) -> None:
    assert BoxFillingSam().resizer() is None
    _, cached = cache_networks(MobileNetV2DeepLab("demo"), SegmentAnything("demo"), str(tmp_path))
    # Most images are found, and need no encoder.
    assert cached.resizer() is None


def test_all_of_a_sample_goes_to_the_device() -> None:
    data = Scenes(size=1)
    sample = data.read("scene_00000", with_target=True)
    sample.position, sample.resized = 7, sample.image[:, :9, :9]
    (moved,) = data.transfer_batch_to_device([sample], torch.device("meta"), 0)
    assert (moved.id, moved.position, moved.view) == (sample.id, 7, 0)
    for tensor, shape in ((moved.image, sample.image.shape), (moved.resized, (3, 9, 9))):
        assert tensor is not None
        assert (tensor.device.type, tensor.shape) == ("meta", shape)
    assert moved.target is not None
    assert moved.target.device.type == "meta"
    without = data.read("scene_00000", with_target=False)
    assert data.transfer_batch_to_device([without], torch.device("meta"), 0)[0].target is None
