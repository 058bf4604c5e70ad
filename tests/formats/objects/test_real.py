"""Real label maps as objects: VOC's classes, and CamVid's, whose pieces are many and full of holes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from scipy import ndimage

from lit_samseg.formats.creating import create_writer
from lit_samseg.formats.interface import Classes, Ids, LabelMap, MaskOptions
from lit_samseg.formats.objects.objects_after import objects_after, vanished
from lit_samseg.formats.recognise import open_masks
from tests.conftest import SHARED
from tests.formats.objects.by_pycocotools import decoded
from tests.formats.objects.new_files import WORDS

pytestmark = pytest.mark.real

DATA = SHARED / "data"


def real_maps() -> dict[str, Ids]:
    """Return six label maps, 0 for void too."""
    voc = sorted((DATA / "VOCdevkit/VOC2012/SegmentationClass").glob("*.png"))[::100][:4]
    camvid = sorted((DATA / "CamVid/valannot").glob("*.png"))[::60]
    maps = {path.stem: np.array(Image.open(path)).astype(np.int32) for path in [*voc, *camvid]}
    assert len(maps) == 6
    return {key: np.where(labels == 255, 0, labels).astype(np.int32) for key, labels in maps.items()}


@pytest.mark.parametrize("word", WORDS)
def test_real_label_maps_come_back_before_and_after_a_change(
    tmp_path: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = real_maps()
    names = ("background", *(f"class {number:02}" for number in range(1, 21)))
    options = MaskOptions(classes=list(names[1:]))
    writer = create_writer(word, Classes(names, tuple(range(21)), background=0), tmp_path, {})
    for key, labels in maps.items():
        writer.write(key, LabelMap(labels))
    writer.finish()
    masks = open_masks(tmp_path, list(maps), options)
    changed, gone = masks.writer(tmp_path / "changed"), 0
    for key, labels in maps.items():
        before = masks.read(key, *labels.shape)
        np.testing.assert_array_equal(before.labels, labels)
        maps[key] = ndimage.minimum_filter(labels, 3)
        after = objects_after(before, maps[key], 0)
        gone += len(vanished(before, after))
        changed.write(key, after)
    changed.finish()
    assert gone
    again = open_masks(tmp_path / "changed", list(maps), options)
    for key, labels in maps.items():
        np.testing.assert_array_equal(again.read(key, *labels.shape).labels, labels)
    if word == "coco":
        theirs = COCO(str(tmp_path / "changed/annotations.json"))
        capsys.readouterr()
        for image in theirs.imgs.values():
            whole = np.zeros((image["height"], image["width"]), np.int32)
            for one in theirs.imgToAnns[image["id"]]:
                mask = decoded(theirs.annToRLE(one))
                assert mask.sum() == one["area"]
                whole[mask] = one["category_id"]
            np.testing.assert_array_equal(whole, maps[image["file_name"]])
