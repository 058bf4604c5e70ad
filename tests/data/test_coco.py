"""COCO-Stuff's label maps and COCO's panoptic segments in their layout, with their own classes and with VOC's."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import COCOPanoptic, COCOStuff
from lit_samseg.data.coco_classes import COCO_NAMES, PANOPTIC_IDS, STUFF_IDS, THING_IDS
from lit_samseg.data.understanding import describe_classes
from lit_samseg.data.voc import VOC_CLASSES
from tests.conftest import refuses

ID = "000000000139"
# The names in which VOC and COCO differ.
AS_VOC = {
    "airplane": "aeroplane",
    "dining table": "diningtable",
    "motorcycle": "motorbike",
    "potted plant": "pottedplant",
    "couch": "sofa",
    "tv": "tvmonitor",
}


def save_image(root: Path, place: str, shape: tuple[int, ...]) -> None:
    (root / place).mkdir(parents=True)
    Image.new("RGB", shape[:2][::-1]).save(root / place / f"{ID}.jpg")


def small_stuff(root: Path, labels: Any, images: str = "val2017", truths: str = "stuffthingmaps/val2017") -> Path:
    """Write one pair, the ground truth as the file has it."""
    truth = np.array(labels, np.uint8)
    save_image(root, images, truth.shape)
    (root / truths).mkdir(parents=True)
    Image.fromarray(truth).save(root / truths / f"{ID}.png")
    return root


def small_panoptic(root: Path, ids: Any, segments: dict[int, int], crowd: int | None = None) -> Path:
    """Write one pair; segments are category ids by segment."""
    pixels = np.array(ids, np.int64)
    save_image(root, "val2017", pixels.shape)
    folder = root / "annotations/panoptic_val2017"
    folder.mkdir(parents=True)
    colours = np.stack([pixels % 256, pixels // 256 % 256, pixels // 65536], -1)
    Image.fromarray(colours.astype(np.uint8)).save(folder / f"{ID}.png")
    info = [{"id": s, "category_id": c, "iscrowd": int(s == crowd), "area": 1} for s, c in segments.items()]
    content = {
        "images": [{"id": 139, "file_name": f"{ID}.jpg", "height": 1, "width": 1}],
        "annotations": [{"image_id": 139, "file_name": f"{ID}.png", "segments_info": info}],
        "categories": [{"id": number, "name": COCO_NAMES[number]} for number in PANOPTIC_IDS],
    }
    (root / "annotations/panoptic_val2017.json").write_text(json.dumps(content))
    return root


def test_categories_are_the_published_ones() -> None:
    assert (len(THING_IDS), len(STUFF_IDS), len(PANOPTIC_IDS)) == (80, 171, 133)
    assert [COCO_NAMES[number] for number in (1, 13, 44, 62, 90)] == [
        "person",
        "stop sign",
        "bottle",
        "chair",
        "toothbrush",
    ]
    assert [COCO_NAMES[number] for number in (92, 112, 149, 169, 182)] == [
        "banner",
        "door-stuff",
        "road",
        "tree",
        "wood",
    ]
    assert [COCO_NAMES[number] for number in (184, 187, 200)] == ["tree-merged", "sky-other-merged", "rug-merged"]
    panoptic, stuff = COCOPanoptic(), COCOStuff()
    assert len(set(panoptic.class_names)) == 133
    assert len(set(stuff.class_names)) == 171
    assert panoptic.background is stuff.background is None
    assert panoptic.palette is not None
    colours = dict(zip(panoptic.class_names, zip(*[iter(panoptic.palette)] * 3, strict=True), strict=True))
    assert len(set(colours.values())) == 133
    assert colours["person"] == (220, 20, 60)
    assert colours["banner"] == (255, 255, 128)
    assert colours["rug-merged"] == (250, 141, 255)


@pytest.mark.parametrize(("kind", "categories"), [(COCOStuff, STUFF_IDS), (COCOPanoptic, PANOPTIC_IDS)])
def test_vocs_classes_are_twenty_things(kind: type[COCOStuff | COCOPanoptic], categories: tuple[int, ...]) -> None:
    data = kind(classes="voc")
    assert (data.class_names, data.background) == (VOC_CLASSES, 0)
    first = 1 if kind is COCOStuff else 0
    for number in categories:
        name = COCO_NAMES[number]
        name = AS_VOC.get(name, name)
        assert data.class_of[number - first] == (VOC_CLASSES.index(name) if name in VOC_CLASSES else 0)
    assert set(data.class_of.values()) - {255} == set(range(21))


@pytest.mark.parametrize(
    ("images", "truths"),
    [
        ("val2017", "stuffthingmaps/val2017"),
        ("images/val2017", "annotations/val2017"),
        ("val2017", "stuffthingmaps_trainval2017/val2017"),
    ],
)
def test_stuff_has_ids_with_gaps_less_one(tmp_path: Path, images: str, truths: str) -> None:
    small_stuff(tmp_path, [[0, 10, 12], [89, 91, 181], [255, 61, 71]], images, truths)
    data = COCOStuff(str(tmp_path))
    data.setup("test")
    sample = data.read(ID, with_target=True)
    assert sample.target is not None
    assert sample.target.tolist() == [[0, 10, 11], [79, 80, 170], [255, 56, 62]]
    assert [data.class_names[label] for label in (11, 79, 80, 170)] == ["stop sign", "toothbrush", "banner", "wood"]
    voc = COCOStuff(str(tmp_path), classes="voc").read_target(ID)
    assert voc.tolist() == [[15, 0, 0], [0, 0, 0], [255, 9, 20]]
    assert "labels 0, 1, ..., 181 in the files, all others void" in describe_classes(data, None)


@pytest.mark.parametrize("label", [11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90, 182, 254])
def test_labels_of_a_release_where_person_is_one_are_refused(tmp_path: Path, label: int) -> None:
    """In these files a gap is a common class: 44 is a bottle, where COCO-Stuff's own have 43."""
    data = COCOStuff(str(small_stuff(tmp_path, [[1, label]])))
    refuses(lambda: data.read_target(ID), f"{ID}.png has label {label}", "0 (person) to 181 (wood)", "person is 1")


def test_segments_become_classes_and_crowds_count(tmp_path: Path) -> None:
    segments = {3226956: 1, 7: 62, 256: 149, 65536: 200}
    root = small_panoptic(tmp_path, [[0, 7, 256], [65536, 3226956, 7]], segments, crowd=7)
    data = COCOPanoptic(str(root))
    data.setup("test")
    assert data.ids == [ID]
    sample = data.read(ID, with_target=True)
    assert sample.target is not None
    names = [[None if c == 255 else data.class_names[c] for c in row] for row in sample.target.tolist()]
    assert names == [[None, "chair", "road"], ["rug-merged", "person", "chair"]]
    assert COCOPanoptic(str(root), classes="voc").read(ID, True).target.tolist() == [[255, 9, 0], [0, 15, 9]]  # type: ignore[union-attr]
    assert "in panoptic_val2017.json, void where there is no segment" in describe_classes(data, None)


def test_what_is_no_panoptic_ground_truth_is_named(tmp_path: Path) -> None:
    root = small_panoptic(tmp_path, [[1, 300]], {1: 1})
    refuses(lambda: COCOPanoptic(str(root)).read_target(ID), f"{ID}.png has segment 300", "does not list")
    Image.new("L", (2, 1)).save(root / f"annotations/panoptic_val2017/{ID}.png")
    refuses(lambda: COCOPanoptic(str(root)).read_target(ID), "mode L, not RGB", "panoptic_annotations_trainval2017")
    (root / f"annotations/panoptic_val2017/{ID}.png").unlink()
    refuses(lambda: COCOPanoptic(str(root)).setup("test"), "1 of 1 listed images have no file", f"{ID}.png")
    COCOPanoptic(str(root)).setup("predict")
    listed = root / "annotations/panoptic_val2017.json"
    listed.write_text(listed.read_text().replace('"category_id": 1', '"category_id": 12'))
    refuses(COCOPanoptic(str(root)).find_ids, "is not COCO's panoptic JSON (KeyError: 12)")
    for wrong in ("[]", "{", '{"images": [], "categories": []}'):
        listed.write_text(wrong)
        refuses(COCOPanoptic(str(root)).find_ids, "panoptic_val2017.json is not COCO's panoptic JSON")
    listed.unlink()
    refuses(COCOPanoptic(str(root)).find_ids, "panoptic_val2017.json cannot be read (No such file")


def test_a_root_without_the_data(tmp_path: Path) -> None:
    refuses(lambda: COCOStuff(split="test"), "no split 'test'; there are val and train")
    refuses(lambda: COCOPanoptic(split="val2014"), "no split 'val2014'")
    refuses(COCOStuff(str(tmp_path / "none")).find_ids, "does not exist", "cocodataset.org")
    refuses(COCOStuff(str(tmp_path)).find_ids, "has no val2017 and no images/val2017")
    (tmp_path / "val2017").mkdir()
    refuses(COCOStuff(str(tmp_path), "val2017").find_ids, "is empty")
    Image.new("RGB", (2, 2)).save(tmp_path / f"val2017/{ID}.jpg")
    refuses(lambda: COCOStuff(str(tmp_path)).setup("test"), "have no file", "nightrome/cocostuff")
    small_panoptic(tmp_path / "panoptic", [[1]], {1: 1})
    (tmp_path / "panoptic/annotations/val2017").mkdir()
    (tmp_path / f"panoptic/annotations/panoptic_val2017/{ID}.png").rename(
        tmp_path / f"panoptic/annotations/val2017/{ID}.png"
    )
    refuses(lambda: COCOStuff(str(tmp_path / "panoptic")).read_target(ID), "mode RGB", "class indices")


def zipped(path: Path, folder: Path, part: str) -> None:
    """Write a folder, or a file, of another one into a zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "a") as archive:
        for member in [folder / part, *sorted((folder / part).rglob("*"))]:
            archive.write(member, member.relative_to(folder))


def test_download_unpacks_archives_that_are_there_already(tmp_path: Path) -> None:
    """As after a download; the download itself is tested in tests/test_download.py."""
    source, root = small_panoptic(tmp_path / "source", [[1]], {1: 1}), tmp_path / "root"
    zipped(root / "val2017.zip", source, "val2017")
    zipped(source / "annotations/panoptic_val2017.zip", source / "annotations", "panoptic_val2017")
    archive = root / "panoptic_annotations_trainval2017.zip"
    for part in ("json", "zip"):
        zipped(archive, source, f"annotations/panoptic_val2017.{part}")
    data = COCOPanoptic(str(root), download=True)
    for _ in range(2):
        data.prepare_data()
    data.setup("test")
    assert data.read(ID, with_target=True).target.tolist() == [[0]]  # type: ignore[union-attr]
    COCOStuff(str(root), download=True).prepare_data()
    names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix != ".lock"}
    assert names == {
        *("val2017", "val2017.zip", f"val2017/{ID}.jpg", "annotations", archive.name),
        *(f"annotations/panoptic_val2017{end}" for end in ("", ".json", ".zip", f"/{ID}.png")),
    }


def test_a_broken_or_foreign_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    archive = tmp_path / "val2017.zip"
    archive.write_bytes(b"PK\x03\x04 cut off")
    data = COCOPanoptic(str(tmp_path), download=True)
    refuses(data.prepare_data, "val2017.zip is broken", "delete it and run again")
    archive.unlink()
    (tmp_path / "other").mkdir()
    zipped(archive, tmp_path, "other")
    refuses(data.prepare_data, "it has no val2017; delete it")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["other", "val2017.zip"]
    COCOPanoptic(str(tmp_path)).prepare_data()


def test_an_unreachable_download_says_where_to_put_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lit_samseg.data.coco_layout._SERVER", "http://127.0.0.1:9")
    refuses(COCOStuff(str(tmp_path), download=True).prepare_data, f"put it at {tmp_path}/val2017.zip")
