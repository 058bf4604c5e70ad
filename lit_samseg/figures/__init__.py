"""Figures for a paper, from a finished run and its data set: files for print, one command each."""

from lit_samseg.figures.command import run_figure

__all__ = ["run_figure"]
