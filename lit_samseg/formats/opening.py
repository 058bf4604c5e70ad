"""Open picture files from anywhere: one picture of a sane size, or an error that names the file."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from lit_samseg.errors import InputError

_PROGRAMS = ("EPS", "WMF", "EMF")
"""Formats that are programs for a printer or a screen; Pillow would hand them to another program to run."""

_SUBFILE_TYPE, _REDUCED = 254, 1
"""TIFF's tag that tells what a page is, and its bit for a smaller copy of another page."""


@contextmanager
def opened(path: Path, what: str) -> Iterator[Image.Image]:
    """Open and decode a picture.

    Args:
        path: The file; its content tells the format, not its name.
        what: What it is, for messages.

    Yields:
        The decoded picture.

    Raises:
        InputError: The file is missing, is no picture, is cut off, holds several pictures, or is larger than Pillow's
            limit against decompression bombs (``PIL.Image.MAX_IMAGE_PIXELS``).
    """
    with warnings.catch_warnings():
        # Pillow warns of broken metadata, which say nothing of the pixels; but its warning of a bomb is our limit.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            # From an open file: plain TIFFs Pillow would map into memory, with sides swapped where their EXIF data say
            # so.
            with path.open("rb") as file, Image.open(file) as picture:
                _check_one(picture, path, what)
                picture.load()
                yield picture
        except FileNotFoundError as error:
            raise InputError(f"no such {what}: {path}") from error
        except IsADirectoryError as error:
            raise InputError(f"{what} {path} is a folder; a picture file is expected") from error
        except UnidentifiedImageError as error:
            raise InputError(f"{what} {path} is not a picture; replace the file") from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise InputError(
                f"{what} {path} claims more than {Image.MAX_IMAGE_PIXELS} pixels; replace it, scale it down or cut it "
                "into tiles"
            ) from error
        except (OSError, SyntaxError, ValueError, TypeError) as error:
            # Pillow reports a cut-off JPEG as OSError, a broken PNG chunk as SyntaxError, a broken page of a TIFF as
            # TypeError.
            raise InputError(f"{what} {path} cannot be decoded ({error}); replace the file") from error


def _check_one(picture: Image.Image, path: Path, what: str) -> None:
    """Refuse files without exactly one picture: which of several was meant, nobody can tell."""
    if picture.format in _PROGRAMS:
        raise UnidentifiedImageError(picture.format)
    if 0 in picture.size:
        raise InputError(f"{what} {path} has no pixels ({picture.width}x{picture.height}); replace the file")
    # A phone's JPEG may hold smaller copies behind the photograph (MPO), and so may a TIFF.
    if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1 and _has_another(picture):
        raise InputError(f"{what} {path} holds several pictures (an animation or pages); save the one that is meant")


def _has_another(picture: Image.Image) -> bool:
    if picture.format != "TIFF":
        return True
    pages = range(1, getattr(picture, "n_frames", 1))
    reduced = []
    for page in pages:
        picture.seek(page)
        reduced.append(bool(getattr(picture, "tag_v2", {}).get(_SUBFILE_TYPE, 0) & _REDUCED))
    picture.seek(0)
    return not all(reduced)
