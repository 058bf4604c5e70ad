"""Recipes tried on some images and reported on others: of one pair, or over the pairs of a study."""
