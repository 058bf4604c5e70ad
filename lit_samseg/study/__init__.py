"""A study: one question asked of many pairs of a data set and a baseline, and one answer."""
