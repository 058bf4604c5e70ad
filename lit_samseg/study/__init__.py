"""A study: one question asked of many pairs of a data set and a baseline, and one answer."""

from lit_samseg.study.command import run_study

__all__ = ["run_study"]
