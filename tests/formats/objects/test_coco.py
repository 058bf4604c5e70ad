"""COCO files of other programs: as pycocotools reads them, and written back with what they have."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO

from lit_samseg.errors import InputError
from lit_samseg.formats.interface import MaskOptions, MaskSet
from lit_samseg.formats.objects.objects_after import objects_after
from lit_samseg.formats.recognise import open_masks
from tests.formats.objects.by_pycocotools import decoded

HEIGHT, WIDTH = 20, 30


def content() -> dict[str, Any]:
    """What a program might write: gaps in ids, polygons, both run lengths, a crowd, fields of its own."""
    block = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    block[12:18, 3:9] = 1
    block[14, 5] = 0
    rle = coco_rle(block)
    return {
        "info": {"year": 2026},
        "licenses": [{"id": 1, "name": "none"}],
        "images": [
            {"id": 70, "file_name": "train/a.jpg", "height": HEIGHT, "width": WIDTH, "license": 1},
            {"id": 5, "file_name": "train/b.jpg", "height": HEIGHT, "width": WIDTH},
        ],
        "categories": [
            {"id": 18, "name": "dog", "supercategory": "animal"},
            {"id": 3, "name": "car", "supercategory": "vehicle"},
        ],
        "annotations": [
            annotation(902, 3, [[4, 2, 8, 2, 8, 6, 4, 6]]),
            annotation(901, 18, [[1.5, 1, 12.3, 2, 9, 10.7], [14, 3, 18, 3, 18, 7.5, 14, 7.5]], score=0.25),
            annotation(17, 3, {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode()}),
            annotation(18, 18, {"size": [HEIGHT, WIDTH], "counts": [105, 5, 15, 5, 470]}, iscrowd=1),
        ],
    }


def coco_rle(mask: NDArray[np.uint8]) -> Any:
    from pycocotools import mask as coco_mask

    return coco_mask.encode(mask)


def annotation(number: int, category: int, segmentation: Any, **rest: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": 70,
        "category_id": category,
        "segmentation": segmentation,
        "area": 1.0,
        "bbox": [0, 0, 1, 1],
        "iscrowd": 0,
        **rest,
    }


def saved(folder: Path, file: Any, name: str = "instances.json") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(json.dumps(file))
    return folder / name


def opened(path: Path, keys: tuple[str, ...] = ("a", "b"), **options: Any) -> MaskSet:
    return open_masks(path, keys, MaskOptions(**options))


def by_pycocotools(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[int, NDArray[np.bool_]]:
    """Return masks by annotation ids."""
    theirs = COCO(str(path))
    capsys.readouterr()
    return {number: decoded(theirs.annToRLE(one)) for number, one in theirs.anns.items()}


def test_masks_are_those_of_pycocotools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, content())
    masks = opened(path)
    assert masks.format == "coco"
    assert masks.classes.names == ("background", "car", "dog")
    assert masks.classes.values == (-1, 3, 18)
    assert masks.classes.background == 0
    theirs = by_pycocotools(path, capsys)
    # Crowds lie below, then the larger below the smaller.
    labels, objects = np.zeros((HEIGHT, WIDTH), int), np.full((HEIGHT, WIDTH), -1)
    order = [18, *sorted((901, 902, 17), key=lambda number: -theirs[number].sum())]
    classes = {18: 2, 901: 2, 902: 1, 17: 1}
    for number in order:
        labels[theirs[number]] = classes[number]
        objects[theirs[number]] = [902, 901, 17, 18].index(number)
    found = masks.read("a", HEIGHT, WIDTH)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.objects, objects)
    assert found.facts[1] == {"id": 901, "iscrowd": 0, "score": 0.25}
    assert not masks.read("b", HEIGHT, WIDTH).labels.any()
    covered = int((sum(theirs.values()).astype(int) > 1).sum())  # type: ignore[union-attr]
    said = masks.understood()
    assert said[0] == "4 objects of 2 categories in 2 pictures"
    assert "1 picture without objects" in said
    assert "pixels of no object are the class 'background'" in said
    assert f"{covered} pixels of 1 picture are claimed by several objects: the smaller one has them" in said


def test_what_changed_is_written_in_its_kind_and_the_rest_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = content()
    masks = opened(saved(tmp_path, file))
    before = masks.read("a", HEIGHT, WIDTH)
    labels = before.labels.copy()
    # The car of polygons grows, the run lengths have another hole, a dog is new, the second piece of a dog goes.
    labels[2:7, 4:8] = 1
    labels[13, 4] = 0
    labels[18:20, 28:30] = 2
    labels[3:8, 14:18] = 0
    after = objects_after(before, labels, 0)
    writer = masks.writer(tmp_path / "out")
    writer.write("a", after)
    writer.write("b", masks.read("b", HEIGHT, WIDTH))
    writer.finish()
    path = tmp_path / "out" / "instances.json"
    new = json.loads(path.read_text())
    assert {key: new[key] for key in new if key != "annotations"} == {
        key: file[key] for key in file if key != "annotations"
    }
    found = {one["id"]: one for one in new["annotations"]}
    theirs = by_pycocotools(path, capsys)
    assert set(found) == {901, 902, 17, 18}
    assert found[901]["score"] == 0.25
    assert isinstance(found[902]["segmentation"], list)
    assert isinstance(found[17]["segmentation"]["counts"], str)
    assert isinstance(found[18]["segmentation"]["counts"], list)
    assert after.objects is not None
    for number, one in enumerate((902, 901, 17, 18)):
        mask = after.objects == number
        np.testing.assert_array_equal(theirs[one], mask)
        ys, xs = np.nonzero(mask)
        assert found[one]["area"] == mask.sum()
        assert found[one]["bbox"] == [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
    again = opened(path).read("a", HEIGHT, WIDTH)
    np.testing.assert_array_equal(again.labels, labels)
    np.testing.assert_array_equal(again.objects, after.objects)


def test_new_objects_get_ids_that_none_had(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path, content()))
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[0:2, 0:2] = 1
    writer = masks.writer(tmp_path / "out")
    writer.write("b", objects_after(masks.read("b", HEIGHT, WIDTH), labels, 0))
    writer.finish()
    new = json.loads((tmp_path / "out" / "instances.json").read_text())
    # Picture a was not written, and is not there; its ids are not given again.
    assert [image["id"] for image in new["images"]] == [5]
    (one,) = new["annotations"]
    assert (one["id"], one["image_id"], one["category_id"], one["area"]) == (903, 5, 3, 4)
    assert one["segmentation"] == [[0, 0, 2, 0, 2, 2, 0, 2]]


def test_holes_make_run_lengths_of_polygons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks = opened(saved(tmp_path, content()))
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[2:8, 2:8] = 1
    labels[4, 4] = 0
    labels[10, 10] = 1
    writer = masks.writer(tmp_path / "out")
    writer.write("b", objects_after(masks.read("b", HEIGHT, WIDTH), labels, 0))
    writer.finish()
    path = tmp_path / "out" / "instances.json"
    kinds = [type(one["segmentation"]) for one in json.loads(path.read_text())["annotations"]]
    assert kinds == [dict, list]
    np.testing.assert_array_equal(sum(by_pycocotools(path, capsys).values()), labels)


def test_objects_under_others_are_named_and_stay(tmp_path: Path) -> None:
    file = content()
    file["annotations"] = [
        annotation(1, 18, [[2, 2, 6, 2, 6, 6, 2, 6]]),
        annotation(2, 3, [[2, 2, 6, 2, 6, 6, 2, 6]]),
    ]
    masks = opened(saved(tmp_path, file))
    before = masks.read("a", HEIGHT, WIDTH)
    assert set(np.unique(before.labels)) == {0, 1}
    assert "1 object without a pixel of its own stays as it is: annotation 1" in masks.understood()
    labels = before.labels.copy()
    labels[2:6, 2:7] = 1
    writer = masks.writer(tmp_path / "out")
    writer.write("a", objects_after(before, labels, 0))
    writer.finish()
    new = json.loads((tmp_path / "out" / "instances.json").read_text())["annotations"]
    assert new[0] == file["annotations"][0]
    assert new[1]["area"] == 20


def test_objects_that_the_caller_takes_away_are_not_written(tmp_path: Path) -> None:
    file = content()
    outline = [[2, 2, 6, 2, 6, 6, 2, 6]]
    file["annotations"] = [annotation(1, 18, outline), annotation(2, 3, outline)]
    masks = opened(saved(tmp_path, file))
    before = masks.read("a", HEIGHT, WIDTH)
    writer = masks.writer(tmp_path / "out")
    writer.write("a", replace(before, facts={1: before.facts[1]}))
    writer.finish()
    new = json.loads((tmp_path / "out" / "instances.json").read_text())["annotations"]
    assert new == [file["annotations"][1]]


def test_an_object_of_another_class_is_written_as_such(tmp_path: Path) -> None:
    file = content()
    masks = opened(saved(tmp_path, file))
    before = masks.read("a", HEIGHT, WIDTH)
    writer = masks.writer(tmp_path / "out")
    assert before.objects is not None
    writer.write("a", replace(before, labels=np.where(before.objects == 0, 2, before.labels)))
    writer.finish()
    new = json.loads((tmp_path / "out" / "instances.json").read_text())["annotations"]
    assert (new[0]["id"], new[0]["category_id"], new[0]["area"]) == (902, 18, 16)


def test_a_category_called_background_is_what_no_object_covers(tmp_path: Path) -> None:
    file = content()
    file["categories"].append({"id": 40, "name": "Background"})
    masks = opened(saved(tmp_path, file))
    assert masks.classes.names == ("car", "dog", "Background")
    assert masks.classes.background == 2
    assert (masks.read("b", HEIGHT, WIDTH).labels == 2).all()


def test_a_category_called_void_is_void_unless_that_is_none(tmp_path: Path) -> None:
    file = content()
    file["categories"][0]["name"] = "ignore"
    masks = opened(saved(tmp_path, file))
    assert masks.classes.names == ("background", "car")
    assert masks.classes.void == 18
    assert "objects of 'ignore' are void" in masks.understood()
    assert opened(tmp_path, void="none").classes.names == ("background", "car", "ignore")
    assert opened(tmp_path, void="3").classes.void == 3


@pytest.mark.parametrize("name", ["a.jpg", "images\\train\\a.JPG", "/home/me/train/a.png", "./a.tif", "a"])
def test_pictures_are_found_by_as_much_of_their_paths_as_there_is(tmp_path: Path, name: str) -> None:
    file = content()
    file["images"][0]["file_name"] = name
    assert list(opened(saved(tmp_path, file)).keys) == ["a", "b"]
    assert list(opened(tmp_path, ("train/a", "train/b")).keys) == ["train/a", "train/b"]


def test_images_of_unknown_size_are_those_of_their_pictures(tmp_path: Path) -> None:
    file = content()
    file["images"][0].update(height=0, width=None)
    found = opened(saved(tmp_path, file)).read("a", HEIGHT, WIDTH)
    assert found.labels.shape == (HEIGHT, WIDTH)


def test_images_without_a_picture_are_left_out_and_named(tmp_path: Path) -> None:
    masks = opened(saved(tmp_path, content()), ("a",))
    assert list(masks.keys) == ["a"]
    assert "left out masks of 1 picture not there (train/b)" in masks.understood()


def test_the_only_coco_file_of_a_folder_is_found(tmp_path: Path) -> None:
    saved(tmp_path / "annotations", content())
    saved(tmp_path / "annotations", {"names": []}, "other.json")
    masks = opened(tmp_path)
    assert masks.files("a") == [tmp_path / "annotations" / "instances.json"]
    writer = masks.writer(tmp_path / "out")
    writer.write("a", masks.read("a", HEIGHT, WIDTH))
    writer.finish()
    assert (tmp_path / "out" / "annotations" / "instances.json").is_file()
    assert [path.name for path in (tmp_path / "out" / "annotations").iterdir()] == ["instances.json"]


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the content with one thing changed; ``path`` is where, with dots."""
    file = content()
    *front, last = path.split(".")
    holder: Any = file
    for step in front:
        holder = holder[int(step) if isinstance(holder, list) else step]
    key: Any = int(last) if isinstance(holder, list) else last
    if value is None:
        del holder[key]
    else:
        holder[key] = value
    return file


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("categories", None, "has no 'categories'; export it again"),
        ("images", "many", "has a text as 'images', which must be a list"),
        ("images.0", 7, "has a whole number as 'images' 0, which must be an object|has '7' as 'images' 0"),
        ("images.0.id", 5, "the image id 5 is there twice; number them anew"),
        ("images.0.file_name", None, "image 70 has no 'file_name'"),
        ("images.1.file_name", "train/a.png", "'train/a' and 'train/a' both mean the picture a; remove one"),
        ("images.0.file_name", "c.jpg", r"pictures without masks \(a\) and masks without pictures \(c\); rename"),
        ("images.0.width", 31, "image 70 .* is said to be 31x20, but its picture is 30x20; export"),
        ("categories.0.id", -2, "category -2 has a number below 0"),
        ("categories.0.name", "car", "categories 18 and 3 are both 'car'; rename one"),
        ("annotations.0.id", None, "one annotation has 'None' for an id; number them"),
        ("annotations.0.id", 901, "the annotation id 901 is there twice"),
        ("annotations.1.image_id", 71, "annotation 901 is of image '71', which is not among the images; delete it"),
        ("annotations.1.image_id", [5], "annotation 901 is of image"),
        ("annotations.1.category_id", 4, "annotation 901 has category '4', which is not among the categories; add"),
        ("annotations.1.segmentation", [], r"annotation 901 has no segmentation \(a box alone\?\); outline"),
        ("annotations.1.segmentation", None, "annotation 901 has no segmentation"),
        ("annotations.1.segmentation", [[1, 2, 3, 4]], "annotation 901 has 4 numbers for a polygon.*draw it anew"),
        ("annotations.1.segmentation", [[1, 2, 3, 4, 5, 1e12]], "annotation 901 has a point at y 1e.12, far outside"),
        ("annotations.1.segmentation", [[1, 2, 3, 4, 5, 10**300]], "annotation 901 has a point|for a coordinate"),
        ("annotations.2.segmentation.size", [HEIGHT, 31], r"annotation 17 has run lengths of size \[20, 31\], not"),
        ("annotations.2.segmentation.counts", "0a", r"annotation 17 has broken run lengths \(cut off"),
        ("annotations.2.segmentation.counts", "44", "annotation 17 has broken run lengths .*add up to another"),
        ("annotations.2.segmentation.counts", [599, 2], "annotation 17 has broken run lengths"),
        ("annotations.2.segmentation.counts", [601, -1], "annotation 17 has broken run lengths"),
        ("annotations.2.segmentation.counts", [1.5, 2], "annotation 17 has broken run lengths"),
        ("annotations.2.segmentation.counts", [10**40], "annotation 17 has broken run lengths"),
        ("annotations.2.segmentation.counts", {}, "annotation 17 has broken run lengths"),
    ],
)
def test_what_is_broken_is_named_in_one_line(tmp_path: Path, where: str, value: Any, message: str) -> None:
    path = saved(tmp_path, changed(where, value))
    with pytest.raises(InputError, match=message) as caught:
        opened(path).read("a", HEIGHT, WIDTH)
    assert str(path if "pictures" not in str(caught.value) else tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [], "annotations": [', "is no valid JSON .*; export it again"),
        ('{"images": [], "annotations": [NaN], "categories": []}', "NaN is no number of JSON"),
        ('{"images": [], "annotations": [' + "[" * 100_000, "is no valid JSON"),
        ('[{"images": 1, "annotations": 2}]', "holds a list instead of an object"),
        (
            '{"images": [], "categories": [], "annotations": [{"segments_info": []}]}',
            "are COCO's panoptic ones, whose masks are PNG files; give their folder",
        ),
        ('{"images": [], "annotations": [' + "9" * 5000 + "]}", "is no valid JSON"),
    ],
)
def test_what_is_no_coco_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "instances.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        opened(path)


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, content())
    for options, message in (
        ({"classes": ["car"]}, "'dog' is in one of them"),
        ({"classes": ["car", "dog", "cat"]}, "'cat' is in one of them"),
        ({"classes": 3}, "has 2 categories, but --masks.classes is 3"),
        ({"mapping": {"3": 1}}, "leave --masks.mapping out"),
        ({"suffix": "_mask"}, "leave --masks.pairs and --masks.suffix out"),
        ({"void": "cat"}, "has no category 'cat', as --masks.void says; there are dog, car"),
        ({"background": "cat"}, "--masks.background is 'cat'"),
    ):
        with pytest.raises(InputError, match=message):
            opened(path, **options)
    assert opened(path, classes=["dog", "car"]).classes.names == ("background", "dog", "car")
    assert opened(path, background="dog").classes.names == ("car", "dog")
    assert opened(path, classes=2).classes.names == ("background", "car", "dog")


def test_two_coco_files_are_too_many(tmp_path: Path) -> None:
    saved(tmp_path, content(), "train.json")
    saved(tmp_path, content(), "val.json")
    with pytest.raises(InputError, match=r"holds 2 COCO files \(train.json, val.json\); give the one that is meant"):
        opened(tmp_path)
