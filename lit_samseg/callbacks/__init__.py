"""What a run leaves behind: files, a progress bar and a table."""

from lit_samseg.callbacks.picture_writer import OverlayWriter, PredictionWriter
from lit_samseg.callbacks.progress import ImageProgressBar
from lit_samseg.callbacks.results_writer import ResultsWriter

__all__ = ["ImageProgressBar", "OverlayWriter", "PredictionWriter", "ResultsWriter"]
