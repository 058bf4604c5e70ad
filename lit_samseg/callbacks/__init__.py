"""What a run leaves behind: files, a progress bar and a table."""

from lit_samseg.callbacks.data_summary import DataSummary
from lit_samseg.callbacks.gallery_writer import GalleryWriter
from lit_samseg.callbacks.journal_writer import JournalWriter
from lit_samseg.callbacks.live_overlays import OverlayLogger
from lit_samseg.callbacks.picture_writer import OverlayWriter, PredictionWriter, RefinedWriter
from lit_samseg.callbacks.progress import ImageProgressBar
from lit_samseg.callbacks.report_writer import ReportWriter
from lit_samseg.callbacks.results_writer import ResultsWriter
from lit_samseg.callbacks.skipped_images import SkippedImages
from lit_samseg.callbacks.summary_printer import SummaryPrinter
from lit_samseg.callbacks.termination import TerminateOnce
from lit_samseg.callbacks.training_writer import TrainingWriter, check_trainable, training_callbacks

__all__ = [
    "DataSummary",
    "GalleryWriter",
    "ImageProgressBar",
    "JournalWriter",
    "OverlayLogger",
    "OverlayWriter",
    "PredictionWriter",
    "RefinedWriter",
    "ReportWriter",
    "ResultsWriter",
    "SkippedImages",
    "SummaryPrinter",
    "TerminateOnce",
    "TrainingWriter",
    "check_trainable",
    "training_callbacks",
]
