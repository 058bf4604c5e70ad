"""What is computed where beside a GPU, and what is left there."""

from pathlib import Path

import pytest
import torch

from lit_samseg.baselines import HubSegmenter
from lit_samseg.cache import CachedSegmenter, TensorStore
from lit_samseg.study.row_seconds import seconds_by_row
from tests.baselines import tiny_segmenters
from tests.cache.counting import CountingSam
from tests.emulation.evaluated import World
from tests.emulation.meter import Meter
from tests.emulation.tensors import OnCuda


@pytest.mark.parametrize("kind", ["dpt", "eomt"])
def test_a_segmenter_sees_the_pixels_that_it_sees_on_a_cpu(kind: str, gpu: Meter, tmp_path: Path) -> None:
    """Torchvision resizes uint8 to others on a GPU."""
    prepare = HubSegmenter(str(tiny_segmenters.save(kind, tmp_path))).preprocessing
    image = tiny_segmenters.random_image(90, 140)
    given = image.to("cuda")
    gpu.reset()
    there, here = prepare(given, "x"), prepare(image, "x")
    assert gpu.waits == 1
    assert isinstance(there.pixels, OnCuda)
    assert torch.equal(there.pixels.inner, here.pixels)
    assert there[1:] == here[1:]


def test_a_timed_model_is_left_where_it_was(gpu: Meter) -> None:
    world = World()
    module = world.module(["box"], analysis=False)
    seconds = seconds_by_row(module, world.data, ["scene_00000"], torch.device("cuda"), repeats=1)
    assert seconds["box"] > 0
    assert gpu.launches > 0
    assert {tensor.device.type for tensor in (*module.parameters(), *module.buffers())} == {"cpu"}
    assert not any(isinstance(tensor, OnCuda) for tensor in (*module.parameters(), *module.buffers()))


def test_an_embedding_is_found_among_those_of_as_large_a_batch(gpu: Meter, tmp_path: Path) -> None:
    """Its last bits depend on how many images a GPU is given together."""
    sam = CountingSam()
    cached = CachedSegmenter(sam, TensorStore(tmp_path, 10**8))
    images = [torch.full((3, 5, 7), n, dtype=torch.uint8, device="cuda") for n in range(3)]
    cached.encode(images[:2])
    cached.encode(images[:2])
    assert sam.calls == [2]
    cached.encode(images[:1])
    assert sam.calls == [2, 1]
    # The known one fills up the call.
    again = cached.encode(images[1:])
    assert sam.calls == [2, 1, 2]
    assert (cached.hits, cached.misses) == (3, 4)
    for image, embedding in zip(images[1:], again, strict=True):
        assert torch.equal(embedding.features.cpu(), sam.one(image).features)
    here = [image.cpu() for image in images]
    cached.encode(here[:2])
    cached.encode(here)
    assert sam.calls[3:] == [2, 1]
