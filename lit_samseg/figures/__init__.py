"""Figures for a paper, from a finished run and its data set: files for print, one command each."""
