"""A training knows its images by their pixels: those of earlier trainings too, and none that it is validated with."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.data import VOC2012, Scenes
from lit_samseg.data.digests import pixel_digests
from lit_samseg.data.training import Training, TrainingSamples
from lit_samseg.finetune import SamRefinerFinetune, SegmenterFinetune
from lit_samseg.finetune.training_images import TrainingImages
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.onnx_folder import TrainedAdapter
from tests.conftest import SmallVoc, refuses


def begun(data: Any, processes: int = 1) -> TrainingImages:
    images = TrainingImages()
    images.begin(SimpleNamespace(world_size=processes), data.training_data, pixel_digests(data))  # type: ignore[arg-type]
    return images


@pytest.fixture
def scenes() -> Scenes:
    data = Scenes(size=3, split="val", training=Training(views=1))
    data.setup("fit")
    return data


def test_digests_are_those_of_the_images_that_were_read(scenes: Scenes) -> None:
    assert scenes.training_data is not None
    samples, everywhere = TrainingSamples(scenes.training_data, scenes.training), pixel_digests(scenes.training_data)
    keys = [f"scenes/train/scene_0000{n}" for n in range(3)]
    images = begun(scenes)
    assert images.whole() == TrainedOn(dict.fromkeys(keys))
    images.see([samples[2, 0], samples[0, 0]])  # type: ignore[list-item]
    assert images.whole() == TrainedOn(everywhere | {keys[1]: None})
    # What another process saw is read once more.
    images = begun(scenes, processes=2)
    images.see([samples[2, 0]])  # type: ignore[list-item]
    assert images.whole() == TrainedOn(everywhere)
    images.earlier = TrainedOn({"voc2012/a": None})
    assert images.whole() == TrainedOn(everywhere | {"voc2012/a": None})


def test_a_picture_of_two_names_is_not_trained_on_and_validated_on(small_voc: SmallVoc) -> None:
    lists = small_voc.base / "ImageSets/Segmentation"
    for number, copied in enumerate(small_voc.ids[:2]):
        for kind, suffix in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
            path = small_voc.base / kind / f"{copied}.{suffix}"
            shutil.copy(path, path.with_name(f"copy_{number}.{suffix}"))
    (lists / "train.txt").write_text("\n".join([small_voc.ids[3], "copy_0", "copy_1"]))
    (lists / "val.txt").write_text("\n".join(small_voc.ids[:3]))
    data = VOC2012(str(small_voc.root), num_workers=0, training=Training(views=1))
    data.setup("fit")
    assert data.training_data is not None
    images, samples = begun(data), TrainingSamples(data.training_data, data.training)
    assert data.training_data.ids[0] == small_voc.ids[3]
    images.see([samples[0, 0]])  # type: ignore[list-item]
    message = refuses(lambda: images.see([samples[2, 0]]))  # type: ignore[list-item]
    assert message == (
        f"2 of the training images have the pixels of validation images (first: voc2012/copy_0 those of voc2012/"
        f"{small_voc.ids[0]}); give other data.ids or data.training.ids"
    )


def test_what_was_trained_on_before_is_not_forgotten(tmp_path: Path) -> None:
    baseline, sam = MobileNetV2DeepLab("demo"), SegmentAnything("demo")
    sam.adapter = TrainedAdapter("", TrainedOn({"x/a": "1" * 64}))
    baseline.trained_on = TrainedOn({"x/b": "2" * 64})
    options: dict[str, Any] = {"class_names": Scenes.class_names, "background": 0}
    refiner = SamRefinerFinetune(baseline, sam, **options)
    assert refiner.images.whole() == sam.adapter.trained_on
    segmenter = SegmenterFinetune(baseline, **options)
    assert segmenter.images.whole() == baseline.trained_on
    # Of a run that goes on with other images, those of its first part too.
    segmenter.on_load_checkpoint({"trained_on": ["x/c", ["x/d", "4" * 64]], "state_dict": {}})
    everything = TrainedOn({"x/b": "2" * 64, "x/c": None, "x/d": "4" * 64})
    assert segmenter.images.whole() == everything
    written = segmenter.write(tmp_path, everything)
    assert MobileNetV2DeepLab(str(written)).trained_on == everything
