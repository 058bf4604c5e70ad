"""Small pictures of every image of a run, for reports: written during the run, read without a model or data set.

What makes them needs torch, what reads them does not.
"""

from typing import TYPE_CHECKING, Any

from lit_samseg.gallery.prompts import GalleryPrompts
from lit_samseg.gallery.store import ASKED, FILES, GalleryLegend, entry_files, has_gallery, key_of, write_entry

if TYPE_CHECKING:
    from lit_samseg.gallery.pictures import GalleryPictures, shrink

__all__ = [
    "ASKED",
    "FILES",
    "GalleryLegend",
    "GalleryPictures",
    "GalleryPrompts",
    "entry_files",
    "has_gallery",
    "key_of",
    "shrink",
    "write_entry",
]


def __getattr__(name: str) -> Any:
    if name in ("GalleryPictures", "shrink"):
        import lit_samseg.gallery.pictures

        return getattr(lit_samseg.gallery.pictures, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
