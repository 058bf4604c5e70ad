"""Small pictures of every image of a run, for reports: written during the run, read without a model or data set."""

from lit_samseg.gallery.pictures import GalleryPictures, shrink
from lit_samseg.gallery.store import FILES, GalleryLegend, GalleryPrompts, entry_files, has_gallery, key_of, write_entry

__all__ = [
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
