"""Pictures that a camera turned: masks drawn on the pixels as they lie do not lie on the picture that people see."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lit_samseg.data import Folder
from lit_samseg.errors import InputError
from lit_samseg.formats.orientation import ORIENTATIONS_THAT_SWAP, Header, compare, read_header
from lit_samseg.formats.reading import read_image

ORIENTATION = 274


def save(path: Path, pixels: np.ndarray, orientation: int = 1) -> None:
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    if orientation != 1:
        exif[ORIENTATION] = orientation
    picture.save(path, exif=exif)


def labels_of(height: int, width: int) -> np.ndarray:
    labels = np.zeros((height, width), np.uint8)
    labels[:, : width // 2] = 1
    return labels


class Album:
    """Images with orientations, and masks that know of none unless they are told."""

    def __init__(self, root: Path) -> None:
        self.images, self.masks = root / "images", root / "masks"
        for folder in (self.images, self.masks):
            folder.mkdir()

    def add(self, name: str, size: tuple[int, int], orientation: int, mask: np.ndarray, own: int = 1) -> None:
        save(self.images / f"{name}.jpg", labels_of(*size) * 200, orientation)
        save(self.masks / f"{name}.png", mask, own)

    def data(self, **options: object) -> Folder:
        return Folder(str(self.images), str(self.masks), num_classes=2, **options)  # type: ignore[arg-type]


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path)


def test_masks_drawn_on_the_pixels_as_they_lie(album: Album) -> None:
    """Named before anything is read, with the option that mends it; then image and mask lie on each other."""
    album.add("a", (8, 16), 6, labels_of(8, 16))
    album.add("b", (8, 16), 6, labels_of(8, 16))
    with pytest.raises(InputError) as raised:
        album.data().setup("test")
    assert str(raised.value) == (
        f"mask {album.masks}/a.png is 16x8 pixels, its image 8x16 (and 1 more like that): it was drawn on the image as "
        "its pixels lie, not turned as its EXIF data say; give --data.exif ignore, which reads images as their pixels "
        "lie"
    )
    # Where images are left out, the reason says the same.
    with pytest.raises(InputError, match=r"must be equal; it was drawn on the image as .* EXIF .*--data\.exif ignore"):
        album.data(on_error="skip").read("a", True)
    data = album.data(exif="ignore")
    data.setup("test")
    assert data.turned is not None
    assert data.turned.number == 0
    sample = data.read("a", True)
    assert sample.target is not None
    assert ((sample.image[0] > 100) == (sample.target == 1)).float().mean() > 0.9


def test_masks_drawn_upright(album: Album) -> None:
    album.add("a", (8, 16), 6, np.rot90(labels_of(8, 16), -1))
    album.add("b", (16, 16), 3, labels_of(16, 16))
    data = album.data()
    data.setup("test")
    assert data.turned is not None
    # The first shows how the others, of which nobody could tell, were drawn.
    assert (data.turned.number, data.turned.warning()) == (2, None)
    with pytest.raises(InputError, match=r"drawn on the image turned as its EXIF data say; give --data\.exif upright"):
        album.data(exif="ignore").setup("test")


def test_both_kinds_in_one_folder(album: Album) -> None:
    album.add("a", (8, 16), 6, labels_of(8, 16))
    album.add("b", (8, 16), 6, np.rot90(labels_of(8, 16), -1))
    for exif in ("upright", "ignore"):
        with pytest.raises(InputError, match=r"drawn the other way: make them all alike"):
            album.data(exif=exif).setup("test")


@pytest.mark.parametrize("orientation", [2, 3, 4, 6])
def test_square_images_whose_masks_have_no_orientation_are_doubtful(album: Album, orientation: int) -> None:
    album.add("a", (16, 16), orientation, labels_of(16, 16))
    album.add("b", (16, 16), 1, labels_of(16, 16))
    data = album.data()
    data.setup("test")
    assert data.turned is not None
    warning = data.turned.warning()
    assert warning is not None
    assert warning.startswith("EXIF data turn 1 images, but 1 masks have another EXIF orientation or none")
    assert "all scores are wrong: give --data.exif ignore" in warning
    chosen = album.data(exif="ignore")
    chosen.setup("test")
    assert chosen.turned is not None
    assert chosen.turned.warning() is None


def test_masks_turned_with_their_images_are_no_doubt_and_those_turned_alone_are(album: Album) -> None:
    album.add("a", (16, 16), 6, labels_of(16, 16), own=6)
    data = album.data()
    data.setup("test")
    assert data.turned is not None
    assert (data.turned.number, data.turned.warning()) == (1, None)
    album.add("b", (16, 16), 1, labels_of(16, 16), own=6)
    data = album.data()
    data.setup("test")
    assert data.turned is not None
    assert [path.name for path in data.turned.doubtful] == ["b.png"]
    data.setup("predict")
    assert data.turned.number == 1


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_headers_say_what_decoding_says(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    for orientation in (1, 3, 8):
        save(path, np.zeros((4, 6, 3), np.uint8), orientation)
        header = read_header(path)
        assert header == Header(6, 4, orientation)
    assert read_header(tmp_path / "none.png") is None


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_ignored_orientations_leave_pixels_as_they_lie(tmp_path: Path, kind: str) -> None:
    """In every format: Pillow turns TIFFs by itself."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :8] = 200
    for orientation in range(1, 9):
        save(tmp_path / f"a.{kind}", pixels, orientation)
        image = read_image(tmp_path / f"a.{kind}", upright=False)
        assert np.abs(image.permute(1, 2, 0).numpy().astype(int) - pixels).mean() < 10


def test_exif_data_behind_the_pixels_of_a_png(tmp_path: Path) -> None:
    """Where some programs put them."""
    path = tmp_path / "a.png"
    Image.new("RGB", (6, 4)).save(path)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(data)) + b"eXIf" + data + struct.pack(">I", zlib.crc32(b"eXIf" + data))
    whole = path.read_bytes()
    path.write_bytes(whole[:-12] + chunk + whole[-12:])
    assert read_header(path) == Header(6, 4, 6)


def test_every_pair_of_orientations() -> None:
    """What is called alike or fitting has equal sizes when read; what contradicts has them the other way."""
    for exif in ("upright", "ignore"):
        for first in range(1, 9):
            for second in range(1, 9):
                for size in ((4, 6), (6, 4)):
                    image, labels = Header(4, 6, first), Header(*size, second)
                    equal = {
                        how: image.size(how == "upright") == labels.size(how == "upright")
                        for how in ("upright", "ignore")
                    }
                    found = compare(image, labels, exif, labels_turn=True)
                    other = "ignore" if exif == "upright" else "upright"
                    assert equal[exif] == (found in ("alike", "fits", "doubtful"))
                    assert (equal[other] and not equal[exif]) == (found == "contradicts")
                    if found == "doubtful":
                        assert first != second
    assert set(ORIENTATIONS_THAT_SWAP) == {5, 6, 7, 8}
