"""What happens while Lightning runs: files are written, a bar moves, pictures are sent, a signal is taken."""

from lit_samseg.callbacks.data_summary import DataSummary
from lit_samseg.callbacks.live_overlays import OverlayLogger
from lit_samseg.callbacks.peers import EndTogether
from lit_samseg.callbacks.progress import ImageProgressBar
from lit_samseg.callbacks.run_writer import RunWriter
from lit_samseg.callbacks.termination import TerminateOnce
from lit_samseg.callbacks.training_writer import TrainingWriter, check_trainable, training_callbacks

__all__ = [
    "DataSummary",
    "EndTogether",
    "ImageProgressBar",
    "OverlayLogger",
    "RunWriter",
    "TerminateOnce",
    "TrainingWriter",
    "check_trainable",
    "training_callbacks",
]
