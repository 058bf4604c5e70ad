from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.drawing import VOID_COLOUR, class_colours
from lit_samseg.errors import InputError
from lit_samseg.formats.palettes import voc_palette
from lit_samseg.gallery import GalleryLegend, GalleryPictures, GalleryPrompts, has_gallery, key_of, write_entry

PROMPTS = GalleryPrompts(2, 2, [{"class": 1, "box": [0, 0, 1, 1], "points": [[0.5, 0.5]]}], {"points+box": [0]})


@pytest.mark.parametrize("background", [0, None])
def test_files_hold_every_label_exactly(tmp_path: Path, background: int | None) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 21, (4, 30, 40))
    labels[0, :3] = 255
    errors = rng.integers(0, 5, labels.shape).astype(np.uint8)
    photo = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    colours = class_colours(21, voc_palette())
    write_entry(tmp_path, "x y", GalleryPictures(photo, labels, errors), PROMPTS, colours, background)
    below = np.asarray(Image.open(tmp_path / "labels/x y.webp").convert("RGBA")).reshape(4, 30, 40, 4)
    opaque = np.ones(labels.shape, bool) if background is None else labels != background
    assert ((below[..., 3] == 255) == opaque).all()
    expected = np.vstack([colours, np.zeros((234, 3)), [VOID_COLOUR]])[labels]
    assert (below[..., :3][opaque] == expected[opaque]).all()
    drawn = np.asarray(Image.open(tmp_path / "errors/x y.webp").convert("RGBA")).reshape(4, 30, 40, 4)
    assert ((drawn[..., 3] == 0) == (errors == 0)).all()
    assert len({tuple(colour) for colour in drawn[errors > 0].tolist()}) == 4
    with Image.open(tmp_path / "image/x y.webp") as picture:
        assert picture.size == (40, 30)
    assert GalleryPrompts.read(tmp_path, "x y") == PROMPTS


def test_a_legend_comes_back(tmp_path: Path) -> None:
    legend = GalleryLegend("key", ["#000000", "#800000"], 0, [{"name": "baseline", "region": "", "recipe": []}])
    assert not has_gallery(tmp_path)
    legend.write(tmp_path)
    assert has_gallery(tmp_path)
    assert GalleryLegend.read(tmp_path) == legend


def test_a_key_tells_runs_apart() -> None:
    counts = np.arange(12).reshape(2, 3, 2, 1)
    key = key_of(["a", "b"], ["baseline", "box"], counts)
    assert key == key_of(["a", "b"], ["baseline", "box"], counts.copy(order="F"))
    others = [
        key_of(["a", "c"], ["baseline", "box"], counts),
        key_of(["a", "b"], ["baseline", "mask"], counts),
        key_of(["a", "b"], ["baseline", "box"], counts + 1),
        key_of(["a", "b"], ["baseline", "box"], counts.reshape(2, 3, 1, 2)),
    ]
    assert len({key, *others}) == 5


def test_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "gallery.json").write_text("{")
    with pytest.raises(InputError, match=r"gallery\.json cannot be read"):
        GalleryLegend.read(tmp_path)
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        GalleryPrompts.read(tmp_path, "none")
