"""Recipes tried on some images and reported on others: of one pair, or over the pairs of a study."""

from lit_samseg.search.command import run_search

__all__ = ["run_search"]
