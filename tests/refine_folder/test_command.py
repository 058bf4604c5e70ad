"""``lit-samseg refine`` on scenes, by the real command line."""

import csv
import errno
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from lit_samseg import Refiner
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.formats.interface import MaskOptions
from lit_samseg.formats.palettes import voc_palette
from lit_samseg.formats.pictures import list_pictures
from lit_samseg.formats.recognise import open_masks
from lit_samseg.refine_folder import run as run_module
from lit_samseg.review.records import read_record
from lit_samseg.tiling import Tiling, refine_array
from tests.conftest import RunCli, SmallVoc

Words = list[object]


def words(voc: SmallVoc, out: Path, *more: object) -> Words:
    return ["refine", voc.base / "JPEGImages", voc.coarse, "--out", out, "--sam", "demo", "--device", "cpu", *more]


def indices(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.mode == "P"
        return np.array(picture)


def test_masks_come_back_refined_in_the_form_they_had(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(*words(small_voc, tmp_path / "out"))
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("4 pairs, 8 classes (index), 0.0 % void")
    refiner = Refiner.from_pretrained(sam="demo", background=0, device="cpu")
    for image_id in small_voc.ids:
        path = tmp_path / f"out/masks/{image_id}.png"
        with Image.open(path) as picture:
            assert picture.getpalette() == voc_palette()
        expected = refiner.refine(small_voc.base / f"JPEGImages/{image_id}.jpg", small_voc.coarse / f"{image_id}.png")
        after = indices(path)
        assert np.array_equal(after, expected.label_map.numpy())
        record = read_record(tmp_path / "out/review", image_id)
        assert record is not None
        assert record.changed == pytest.approx(float(np.mean(after != indices(small_voc.coarse / f"{image_id}.png"))))
        assert 0 < record.changed < 0.5
    page = (tmp_path / "out/review.html").read_text(encoding="utf-8")
    assert all(f'id="picture:{image_id}"' in page for image_id in small_voc.ids)
    with (tmp_path / "out/review.csv").open(newline="") as file:
        assert {row["image"] for row in csv.DictReader(file) if not row["region"]} == set(small_voc.ids)


def test_void_stays_void_and_is_nothing_else(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    for image_id in small_voc.ids:
        labels = indices(small_voc.coarse / f"{image_id}.png").copy()
        labels[10:30, 20:60] = 255
        picture = Image.fromarray(labels)
        picture.putpalette(voc_palette())
        picture.save(small_voc.coarse / f"{image_id}.png")
    outcome = run_cli(*words(small_voc, tmp_path / "out"))
    assert outcome.code == 0, outcome.err
    for image_id in small_voc.ids:
        given, written = indices(small_voc.coarse / f"{image_id}.png"), indices(tmp_path / f"out/masks/{image_id}.png")
        assert np.array_equal(written == 255, given == 255)
        assert (written == 255).sum() == 20 * 40


def as_colours(labels: np.ndarray, path: Path) -> None:
    Image.fromarray(np.array(voc_palette(), np.uint8).reshape(-1, 3)[labels]).save(path)


def test_colours_and_numbers_give_the_same_pixels(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    assert run_cli(*words(small_voc, tmp_path / "out")).code == 0
    before = {image_id: indices(small_voc.coarse / f"{image_id}.png") for image_id in small_voc.ids}
    for image_id, labels in before.items():
        as_colours(labels, small_voc.coarse / f"{image_id}.png")
    outcome = run_cli(*words(small_voc, tmp_path / "colours"))
    assert outcome.code == 0, outcome.err
    table = np.array(voc_palette(), np.uint8).reshape(-1, 3)
    for image_id in small_voc.ids:
        with Image.open(tmp_path / f"colours/masks/{image_id}.png") as picture:
            drawn = np.array(picture)
        assert np.array_equal(drawn, table[indices(tmp_path / f"out/masks/{image_id}.png")])


def test_coco_keeps_its_objects(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    height, width = indices(small_voc.coarse / f"{small_voc.ids[0]}.png").shape
    box = [40, 30, 90, 30, 90, 80, 40, 80]
    given = {
        "images": [{"id": 7, "file_name": f"{small_voc.ids[0]}.jpg", "height": height, "width": width}],
        "categories": [{"id": 3, "name": "thing"}],
        "annotations": [
            {"id": 11, "image_id": 7, "category_id": 3, "segmentation": [box], "area": 2500, "bbox": [40, 30, 50, 50],
             "iscrowd": 0, "reviewer": "ann"}
        ],
    }  # fmt: skip
    file = tmp_path / "given.json"
    file.write_text(json.dumps(given))
    outcome = run_cli(
        "refine", small_voc.base / "JPEGImages", file, "--out", tmp_path / "out", "--sam", "demo", "--device", "cpu"
    )
    assert outcome.code == 0, outcome.err
    (written,) = (tmp_path / "out/masks").rglob("*.json")
    after = json.loads(written.read_text())
    assert after["categories"] == given["categories"]
    first = after["annotations"][0]
    assert (first["id"], first["category_id"], first["reviewer"]) == (11, 3, "ann")


def test_objects_that_are_gone_are_counted(
    small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = small_voc.ids[0]
    height, width = indices(small_voc.coarse / f"{key}.png").shape
    squares = [[x, 30, x + 20, 30, x + 20, 50, x, 50] for x in (10, 60, 100)]
    given = {
        "images": [{"id": 1, "file_name": f"{key}.jpg", "height": height, "width": width}],
        "categories": [{"id": 3, "name": "thing"}],
        "annotations": [
            {"id": 11 + n, "image_id": 1, "category_id": 3, "segmentation": [square], "area": 400, "iscrowd": 0,
             "bbox": [square[0], 30, 20, 20]}
            for n, square in enumerate(squares)
        ],
    }  # fmt: skip
    (tmp_path / "given.json").write_text(json.dumps(given))
    refine = run_module.refine_picture

    def without_two(*arguments: Any) -> run_module.Refined:
        refined = refine(*arguments)
        after = arguments[3].labels.copy()
        after[:, 50:] = arguments[4].background
        return replace(refined, after=after)

    monkeypatch.setattr(run_module, "refine_picture", without_two)
    options = ("--out", tmp_path / "out", "--sam", "demo", "--device", "cpu")
    outcome = run_cli("refine", small_voc.base / "JPEGImages", tmp_path / "given.json", *options)
    assert outcome.code == 0, outcome.err
    assert "2 objects are gone." in outcome.out
    record = read_record(tmp_path / "out/review", key)
    assert record is not None
    assert record.lost == 2
    (written,) = (tmp_path / "out/masks").rglob("*.json")
    assert [one["id"] for one in json.loads(written.read_text())["annotations"]] == [11]


def test_a_run_goes_on_where_it_was_interrupted(
    small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_cli(*words(small_voc, tmp_path / "whole")).code == 0
    refine, asked = run_module.refine_picture, list[str]()

    def interrupted(refiner: Refiner, key: str, *rest: object) -> object:
        asked.append(key)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return refine(refiner, key, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "refine_picture", interrupted)
    outcome = run_cli(*words(small_voc, tmp_path / "out"))
    assert outcome.code == 130
    assert "what is done is kept; the same command with --resume goes on" in outcome.err
    again = run_cli(*words(small_voc, tmp_path / "out"))
    assert again.code == 2
    assert "go on with them by --resume, or give another --out" in again.err
    other = run_cli(*words(small_voc, tmp_path / "out", "--resume", "--row", "box"))
    assert other.code == 2
    assert "was begun with row 'auto', not 'box'; go on with that" in other.err
    begun = (tmp_path / "out/refine.json").read_text(encoding="utf-8")
    digest = json.loads(begun)["code"]
    (tmp_path / "out/refine.json").write_text(begun.replace(digest, "0" * 64), encoding="utf-8")
    other = run_cli(*words(small_voc, tmp_path / "out", "--resume"))
    assert "was begun by another version of the program" in other.err
    device = json.loads(begun)["device"]
    (tmp_path / "out/refine.json").write_text(begun.replace(device, "cuda (Other)"), encoding="utf-8")
    other = run_cli(*words(small_voc, tmp_path / "out", "--resume"))
    assert f"was begun with device 'cuda (Other)', not {device!r}; go on with that" in other.err
    (tmp_path / "out/refine.json").write_text(begun, encoding="utf-8")
    outcome = run_cli(*words(small_voc, tmp_path / "out", "--resume"))
    assert outcome.code == 0, outcome.err
    assert asked == [*small_voc.ids[:3], *small_voc.ids[2:]]
    assert "2 masks of 4 refined already" in outcome.out
    for image_id in small_voc.ids:
        name = f"masks/{image_id}.png"
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_full_disk_loses_nothing(
    small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, last = run_module.write_record, small_voc.ids[-1]

    def full(folder: Path, record: run_module.PictureRecord) -> None:
        if record.key == last:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / last))
        write(folder, record)

    monkeypatch.setattr(run_module, "write_record", full)
    outcome = run_cli(*words(small_voc, tmp_path / "out"))
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("lit-samseg: error: ")
    assert last in outcome.err
    assert [read_record(tmp_path / "out/review", key) is not None for key in small_voc.ids] == [True, True, True, False]
    monkeypatch.setattr(run_module, "write_record", write)
    assert run_cli(*words(small_voc, tmp_path / "out", "--resume")).code == 0


def spoil(voc: SmallVoc, how: str) -> None:
    first = voc.coarse / f"{voc.ids[0]}.png"
    labels = indices(first)
    if how == "size":
        Image.fromarray(labels[:-1]).save(first)
    elif how == "no mask":
        first.rename(voc.coarse / "another.png")
    elif how == "picture":
        (voc.base / f"JPEGImages/{voc.ids[0]}.jpg").write_bytes(b"no picture")
    elif how == "jpeg":
        for image_id in voc.ids:
            Image.fromarray(indices(voc.coarse / f"{image_id}.png")).save(voc.coarse / f"{image_id}.jpg")
            (voc.coarse / f"{image_id}.png").unlink()
    elif how == "colour":
        for image_id in voc.ids:
            as_colours(indices(voc.coarse / f"{image_id}.png"), voc.coarse / f"{image_id}.png")
        with Image.open(first) as picture:
            drawn = np.array(picture)
        drawn[5, 7] = (1, 2, 3)
        Image.fromarray(drawn).save(first)


@pytest.mark.parametrize(
    ("how", "more", "parts"),
    [
        ("size", (), ("2007_000000", "size")),
        ("no mask", (), ("without a", "2007_000000", "another")),
        ("picture", (), ("2007_000000.jpg", "replace the file")),
        ("jpeg", (), ("loss", "PNG")),
        ("colour", ("--masks.colours", "voc"), ("2007_000000.png", "1,2,3 at x 7, y 5")),
        ("nothing", ("--masks.format", "cocoa"), ("--masks.format is 'cocoa'", "coco")),
        ("nothing", ("--sam", "no.pt"), ("no.pt",)),
        ("nothing", ("--row", "bax"), ("bax", "box")),
        ("nothing", ("--masks.classes", "3"), ("2007_0000", "class")),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(
    how: str, more: Words, parts: tuple[str, ...], small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path
) -> None:
    spoil(small_voc, how)
    outcome = run_cli(*words(small_voc, tmp_path / "out", *more))
    assert outcome.code == 2, outcome.out
    (line,) = outcome.err.splitlines()
    assert all(part in line for part in parts), line
    assert not (tmp_path / "out/masks").exists()


def test_black_and_white_masks_are_two_classes(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    for image_id in small_voc.ids:
        labels = indices(small_voc.coarse / f"{image_id}.png")
        Image.fromarray(np.where(labels > 0, 255, 0).astype(np.uint8)).save(small_voc.coarse / f"{image_id}.png")
    outcome = run_cli(*words(small_voc, tmp_path / "out"))
    assert outcome.code == 0, outcome.err
    assert "2 classes" in outcome.out
    assert "0.0 % void" in outcome.out
    for image_id in small_voc.ids:
        with Image.open(tmp_path / f"out/masks/{image_id}.png") as picture:
            assert picture.mode == "L"
            assert set(np.unique(np.array(picture)).tolist()) == {0, 255}


def test_scores_are_used_and_looked_at_first(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    assert run_cli(*words(small_voc, tmp_path / "alone", "--masks.classes", "21")).code == 0
    scores = tmp_path / "scores"
    scores.mkdir()
    for n, image_id in enumerate(small_voc.ids):
        labels = indices(small_voc.coarse / f"{image_id}.png")
        logits = np.where(np.arange(21)[:, None, None] == labels[4::8, 4::8], 2, 0).astype(np.float16)
        if n:
            np.savez(scores / f"{image_id}.npz", logits=logits)
    options = ("--masks.classes", "21", "--scores", scores)
    outcome = run_cli(*words(small_voc, tmp_path / "out", *options))
    assert outcome.code == 2
    assert "2007_000000" in outcome.err.splitlines()[-1]
    np.save(scores / f"{small_voc.ids[0]}.npy", logits[:8])
    outcome = run_cli(*words(small_voc, tmp_path / "out", *options))
    assert "8 classes" in outcome.err
    assert "--masks.classes says how many" in outcome.err
    labels = indices(small_voc.coarse / f"{small_voc.ids[0]}.png")
    logits = np.where(np.arange(21)[:, None, None] == labels[4::8, 4::8], 2, 0).astype(np.float16)
    np.save(scores / f"{small_voc.ids[0]}.npy", logits)
    outcome = run_cli(*words(small_voc, tmp_path / "out", *options))
    assert outcome.code == 0, outcome.err
    refiner = Refiner.from_pretrained(sam="demo", background=0, device="cpu")
    expected = refiner.refine(
        small_voc.base / f"JPEGImages/{small_voc.ids[0]}.jpg", labels.astype(np.int64), scores=logits
    )
    written = indices(tmp_path / f"out/masks/{small_voc.ids[0]}.png")
    assert np.array_equal(written, expected.label_map.numpy())
    assert not np.array_equal(written, indices(tmp_path / f"alone/masks/{small_voc.ids[0]}.png"))


def test_large_pictures_are_cut_into_tiles(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    outcome = run_cli(*words(small_voc, tmp_path / "out", "--tile", "96"))
    assert outcome.code == 0, outcome.err
    refiner, key = Refiner.from_pretrained(sam="demo", background=0, device="cpu"), small_voc.ids[0]
    with Image.open(small_voc.base / f"JPEGImages/{key}.jpg") as picture:
        image = np.array(picture)
    labels = indices(small_voc.coarse / f"{key}.png").astype(np.int64)
    expected = np.empty_like(labels)
    assert refine_array(refiner.tiles, image, labels, expected, Tiling(96)).tiles > 1
    written = indices(tmp_path / f"out/masks/{key}.png")
    assert np.array_equal(written, expected)
    record = read_record(tmp_path / "out/review", key)
    assert record is not None
    assert record.agreement is None
    expected_regions = []
    for label in set(np.unique(labels)) - {0, 255}:
        numbers, count = ndimage.label(labels == label, np.ones((3, 3)))
        regions = [numbers == number for number in range(1, count + 1)]
        expected_regions += [(one.sum(), (written != labels)[one].sum(), None) for one in regions if one.sum() >= 20]
    found = [(region.area, region.changed, region.agreement) for region in record.regions]
    assert sorted(found) == sorted(expected_regions) != []
    assert record.changed == pytest.approx(float((written != labels).mean()))
    assert run_cli(*words(small_voc, tmp_path / "no", "--tile", "few")).code == 2


def test_another_format_holds_the_same_masks(small_voc: SmallVoc, run_cli: RunCli, tmp_path: Path) -> None:
    assert run_cli(*words(small_voc, tmp_path / "out")).code == 0
    outcome = run_cli(*words(small_voc, tmp_path / "coco", "--format", "coco"))
    assert outcome.code == 0, outcome.err
    given = list_pictures(small_voc.base / "JPEGImages")
    masks = open_masks(tmp_path / "coco/masks", list(given), MaskOptions(format="coco"))
    # The category of the pixels that are in no object, and the others by the value they had.
    values = np.array([0 if n == "background" else int(n.removeprefix("class ")) for n in masks.classes.names])
    assert len(set(values.tolist())) == 8
    for key in given:
        expected = indices(tmp_path / f"out/masks/{key}.png")
        assert np.array_equal(values[masks.read(key, *expected.shape).labels], expected)


def test_help_names_every_format(run_cli: RunCli) -> None:
    outcome = run_cli("refine", "--help")
    assert outcome.code == 0
    for word in ("index", "colours", "binary", "per-class", "cityscapes", "coco", "yolo", "labelme", "cvat"):
        assert word in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 120


def test_details_may_be_told_to_a_function(small_voc: SmallVoc) -> None:
    refiner = Refiner.from_pretrained(sam="demo", background=0, device="cpu")
    image, labels = small_voc.base / f"JPEGImages/{small_voc.ids[0]}.jpg", small_voc.coarse / f"{small_voc.ids[0]}.png"
    told = list[torch.Tensor]()
    one = refiner.refine(image, labels, details=lambda decision: told.append(decision.scores.clone()))
    other = refiner.refine(image, labels, details=True)
    assert one.decisions == []
    assert len(told) == len(other.decisions) > 0
    assert all(torch.equal(a, b.scores) for a, b in zip(told, other.decisions, strict=True))


def test_colour_masks_are_told_which_class_may_be_background(run_cli: RunCli, tmp_path: Path) -> None:
    """In a folder of RGB masks nothing says that black is background, and SAM asked about it costs accuracy."""
    image, labels = generate_scene(3, 0)
    labels = np.where(labels == 255, 0, labels)
    colours = np.array([(0, 0, 0), *((20 * n, 200 - 10 * n, 5 * n) for n in range(1, 9))], np.uint8)
    for name, pixels in (("pictures", image), ("masks", colours[labels])):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "one.png")
    command = ("refine", tmp_path / "pictures", tmp_path / "masks", "--sam", "demo", "--out")
    outcome = run_cli(*command, tmp_path / "out")
    assert outcome.code == 0, outcome.err
    share = f"{100 * (labels == 0).mean():.0f}"
    (hint,) = re.findall(
        rf"if class 0, {share} % of the pixels, is background, give (--masks.background 0)", outcome.out
    )
    again = run_cli(*command, tmp_path / "again", *hint.split())
    assert again.code == 0, again.err
    assert "background: class 0, which is never asked about" in again.out
