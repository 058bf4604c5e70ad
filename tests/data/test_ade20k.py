import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import ADE20K
from lit_samseg.data.ade20k import ADE20K_CLASSES, ade20k_palette, unpack
from lit_samseg.errors import InputError
from tests.conftest import SHARED


def small_ade(root: Path, labels: np.ndarray) -> Path:
    """Write one image with its ground truth, as the file has it, in ADE20K's layout."""
    for kind in ("images", "annotations"):
        for part in ("training", "validation"):
            (root / "ADEChallengeData2016" / kind / part).mkdir(parents=True)
    base = root / "ADEChallengeData2016"
    Image.new("RGB", labels.shape[::-1]).save(base / "images/validation/ADE_val_00000001.jpg")
    Image.fromarray(labels.astype(np.uint8)).save(base / "annotations/validation/ADE_val_00000001.png")
    return root


def test_zero_is_void_and_every_other_value_loses_one(tmp_path: Path) -> None:
    data = ADE20K(str(small_ade(tmp_path, np.array([[0, 1, 2], [150, 149, 0]]))))
    data.setup("test")
    assert data.ids == ["ADE_val_00000001"]
    target = data.read("ADE_val_00000001", True).target
    assert target is not None
    assert target.tolist() == [[255, 0, 1], [149, 148, 255]]
    assert data.read("ADE_val_00000001", False).target is None


def test_both_spellings_of_a_split_and_the_folder_itself(tmp_path: Path) -> None:
    small_ade(tmp_path, np.ones((2, 2)))
    for root, split in ((tmp_path, "validation"), (tmp_path / "ADEChallengeData2016", "val")):
        data = ADE20K(str(root), split=split)
        data.setup("test")
        assert len(data.ids) == 1
    empty = ADE20K(str(tmp_path), split="train")
    with pytest.raises(InputError, match="'train' is empty"):
        empty.setup("test")
    with pytest.raises(InputError, match="no split 'test'; there are val and train"):
        ADE20K(str(tmp_path), split="test")


@pytest.mark.parametrize("value", [151, 255])
def test_a_value_that_is_no_class(tmp_path: Path, value: int) -> None:
    data = ADE20K(str(small_ade(tmp_path, np.array([[1, value]]))))
    with pytest.raises(InputError, match=rf"ADE_val_00000001\.png has label {value}; labels are 1\.\.150"):
        data.read("ADE_val_00000001", True)


def test_a_root_without_the_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no ADEChallengeData2016"):
        ADE20K(str(tmp_path)).setup("test")
    with pytest.raises(InputError, match="does not exist"):
        ADE20K(str(tmp_path / "none")).setup("test")


def archive_of(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in sorted(folder.rglob("*")):
            archive.write(member, member.relative_to(folder))
    return path


def test_download_unpacks_an_archive_that_is_there_already(tmp_path: Path) -> None:
    """As after a download; the download itself is tested in tests/test_download.py."""
    source = small_ade(tmp_path / "source", np.array([[1, 2]]))
    root = tmp_path / "root"
    root.mkdir()
    archive_of(source, root / "ADEChallengeData2016.zip")
    data = ADE20K(str(root), download=True)
    for _ in range(2):
        data.prepare_data()
    data.setup("test")
    assert data.ids == ["ADE_val_00000001"]
    names = [path.name for path in root.iterdir() if not path.name.endswith(".lock")]
    assert sorted(names) == ["ADEChallengeData2016", "ADEChallengeData2016.zip"]


def test_a_folder_that_is_not_whole_is_said_before_a_download(tmp_path: Path) -> None:
    (tmp_path / "ADEChallengeData2016/images").mkdir(parents=True)
    with pytest.raises(InputError, match="ADEChallengeData2016 is there, but has no images and annotations; move it"):
        ADE20K(str(tmp_path), download=True).prepare_data()


def test_a_broken_or_foreign_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match=r"broken\.zip is broken"):
        unpack(tmp_path / "broken.zip", tmp_path)
    other = tmp_path / "other"
    (other / "ADEChallengeData2016/images").mkdir(parents=True)
    with pytest.raises(InputError, match="it has no ADEChallengeData2016/images/training"):
        unpack(archive_of(other, tmp_path / "other.zip"), tmp_path)
    assert not (tmp_path / "ADEChallengeData2016").exists()


def test_an_unreachable_download_says_where_to_put_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lit_samseg.data.ade20k.ARCHIVE", "http://127.0.0.1:9/ADEChallengeData2016.zip")
    with pytest.raises(InputError, match=rf"put it at {tmp_path}/ADEChallengeData2016\.zip"):
        ADE20K(str(tmp_path), download=True).prepare_data()


def test_names_and_colours() -> None:
    assert len(ADE20K_CLASSES) == len(set(ADE20K_CLASSES)) == 150
    palette = ade20k_palette()
    assert len(palette) == 3 * 151
    assert palette[:9] == [0, 0, 0, 120, 120, 120, 180, 120, 120]
    assert palette[-3:] == [92, 0, 255]


@pytest.mark.real
def test_names_are_the_official_tables_first_synonyms() -> None:
    rows = (SHARED / "data/ADEChallengeData2016/objectInfo150.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert tuple(row.split("\t")[4].split(",")[0].strip() for row in rows) == ADE20K_CLASSES


@pytest.mark.real
@pytest.mark.parametrize(("split", "folder"), [("val", "validation"), ("train", "training")])
def test_real_pairs(split: str, folder: str) -> None:
    data = ADE20K(str(SHARED / "data"), split=split)
    data.setup("test")
    there = sorted(path.stem for path in (SHARED / "data/ADEChallengeData2016/images" / folder).glob("*.jpg"))
    assert data.ids == there
    assert len(there) > 5
    for image_id in data.ids:
        sample = data.read(image_id, True)
        assert sample.target is not None
        raw = np.array(Image.open(data.files(image_id, True)[1]))
        # The order of mmsegmentation's reduce_zero_label on uint8 (FIELD's D6).
        expected = raw.copy()
        expected[expected == 0] = 255
        expected -= 1
        expected[expected == 254] = 255
        assert np.array_equal(sample.target.numpy(), expected)
        assert sample.image.shape[1:] == sample.target.shape
