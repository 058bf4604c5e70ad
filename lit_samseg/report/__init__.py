"""``report.html``: a finished run as one page; made from the run's files, never from a model or a data set."""

from lit_samseg.report.page import write_report

__all__ = ["write_report"]
