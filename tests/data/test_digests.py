"""Pictures are told by their pixels, whatever they are called and however they are written."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg.data import Folder, Scenes, read_image
from lit_samseg.data.digests import digest_of_pixels, global_key, pixel_digests
from lit_samseg.data.sample import Sample
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.data.training import Training, TrainingSamples


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    image: np.ndarray = generate_scene(SPLIT_SEEDS["test"], 3)[0]
    return image


def test_it_is_the_sha256_of_size_and_pixels(picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    expected = hashlib.sha256(f"{height}x{width}:".encode() + picture.tobytes()).hexdigest()
    planes = torch.from_numpy(picture).permute(2, 0, 1)
    assert digest_of_pixels(planes) == digest_of_pixels(planes.contiguous()) == expected
    assert digest_of_pixels(planes.transpose(1, 2)) != expected
    # The same bytes in another size.
    assert digest_of_pixels(torch.from_numpy(picture.reshape(width, height, 3)).permute(2, 0, 1)) != expected


def test_formats_without_loss_and_other_names_have_the_same(picture: np.ndarray, tmp_path: Path) -> None:
    one = Image.fromarray(picture)
    one.save(tmp_path / "a.png")
    one.save(tmp_path / "b.png", compress_level=0)
    one.save(tmp_path / "c.tif")
    one.save(tmp_path / "d.webp", lossless=True)
    shutil.copy(tmp_path / "a.png", tmp_path / "e.png")
    digests = {digest_of_pixels(read_image(path)) for path in tmp_path.iterdir()}
    assert len(digests) == 1
    one.save(tmp_path / "f.jpg", quality=95)
    changed = picture.copy()
    changed[0, 0, 0] ^= 1
    Image.fromarray(changed).save(tmp_path / "g.png")
    others = {digest_of_pixels(read_image(tmp_path / name)) for name in ("f.jpg", "g.png")}
    assert len(others | digests) == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_a_data_sets_digests_are_those_of_its_images(workers: int, tmp_path: Path) -> None:
    for n in range(3):
        Image.fromarray(generate_scene(SPLIT_SEEDS["test"], n)[0]).save(tmp_path / f"{n}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:200])
    data = Folder(str(tmp_path), num_classes=21, num_workers=workers)
    data.setup("predict")
    first, last = (digest_of_pixels(data.read(name, with_target=False).image) for name in "02")
    assert pixel_digests(data) == {"folder/0": first, "folder/1": None, "folder/2": last}
    assert pixel_digests(data, ["2"]) == {"folder/2": last}
    assert pixel_digests(data, []) == {}


def test_every_view_of_a_training_image_has_the_digest_of_the_image() -> None:
    data = Scenes(size=2, split="val", training=Training(views=3))
    data.setup("fit")
    assert data.training_data is not None
    samples = TrainingSamples(data.training_data, data.training)
    views = [samples[1, view] for view in range(3)]
    digests = {view.digest for view in views if isinstance(view, Sample)}
    assert digests == set(pixel_digests(data.training_data, ["scene_00001"]).values())
    assert global_key(data.training_data, "scene_00001") == "scenes/train/scene_00001"
