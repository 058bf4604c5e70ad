"""Which writers a run has, in which order."""

from lit_samseg.writing.gallery import GalleryWriter, NoGallery
from lit_samseg.writing.pictures import OverlayWriter, PredictionWriter, RefinedWriter
from lit_samseg.writing.report import ReportWriter
from lit_samseg.writing.results import ResultsWriter
from lit_samseg.writing.run_plan import RunPlan
from lit_samseg.writing.scores import ScoreWriter
from lit_samseg.writing.skipped_images import SkippedImages
from lit_samseg.writing.writer import Writer


def writers_of_run(run: RunPlan, gallery: bool = True, report: bool = True, alone: bool = False) -> list[Writer]:
    """Return a run's writers, as they take turns.

    Args:
        run: The run.
        gallery: In ``test``: keep small pictures of every image.
        report: In ``test``: make the report.
        alone: In ``predict``: write one row, into ``refined``.
    """
    # The results name what was skipped.
    writers: list[Writer] = [SkippedImages(run)]
    if run.module.save_scores:
        writers.append(ScoreWriter(run))
    if run.command == "predict":
        return [*writers, RefinedWriter(run) if alone else PredictionWriter(run), OverlayWriter(run, alone)]
    if run.module.save_predictions:
        writers.append(PredictionWriter(run))
    # Small pictures without results would be of no use, and the report is made of both.
    writers += [ResultsWriter(run), GalleryWriter(run) if gallery else NoGallery(run)]
    return [*writers, ReportWriter(run)] if report else writers
