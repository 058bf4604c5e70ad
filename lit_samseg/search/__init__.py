"""A study over recipes: tried on one list of images, reported on another."""

from lit_samseg.search.command import run_search

__all__ = ["run_search"]
