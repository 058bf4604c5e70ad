from pathlib import Path

import pytest
import torch

from lit_samseg.data import Scenes
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.errors import InputError


def test_scenes_are_the_generators() -> None:
    data = Scenes(size=3, split="val")
    data.setup("test")
    samples = [sample for batch in data.test_dataloader() for sample in batch]
    assert [s.id for s in samples] == ["scene_00000", "scene_00001", "scene_00002"]
    image, target = generate_scene(SPLIT_SEEDS["val"], 2)
    assert torch.equal(samples[2].image, torch.from_numpy(image).permute(2, 0, 1))
    assert torch.equal(samples[2].target, torch.from_numpy(target))


@pytest.mark.parametrize("name", ["1", "scene_1", "scene_x", "2007_000033"])
def test_one_scene_has_one_name(name: str) -> None:
    with pytest.raises(InputError, match="is no scene"):
        Scenes().read(name, with_target=True)


def test_impossible_settings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no split 'night'"):
        Scenes(split="night")
    with pytest.raises(InputError, match="cannot be negative"):
        Scenes(size=-1)
    with pytest.raises(InputError, match="the split 'test' is empty"):
        Scenes(size=0).setup("test")
