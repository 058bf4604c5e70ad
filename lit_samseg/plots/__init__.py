"""Plots of a finished run, from ``results.json``; drawn with matplotlib, without its global state."""

from lit_samseg.plots.causes import ladder_plot
from lit_samseg.plots.classes import MOST, classes_plot
from lit_samseg.plots.scores import forest_plot, trimap_plot
from lit_samseg.plots.style import plotting, svg

__all__ = ["MOST", "classes_plot", "forest_plot", "ladder_plot", "plotting", "svg", "trimap_plot"]
