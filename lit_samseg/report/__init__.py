"""``report.html`` and ``study.html``: a finished run, or a study, as one page; made from its files alone."""

from lit_samseg.report.page import write_report

__all__ = ["write_report"]
