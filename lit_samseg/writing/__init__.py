"""What an evaluation leaves on disk: plain writers in one order, a journal to go on from, a lock. Without Lightning."""

from lit_samseg.writing.processes import OneProcess, Processes
from lit_samseg.writing.run_output import RunOutput
from lit_samseg.writing.run_plan import RunPlan
from lit_samseg.writing.writer import Writer
from lit_samseg.writing.writers import writers_of_run

__all__ = ["OneProcess", "Processes", "RunOutput", "RunPlan", "Writer", "writers_of_run"]
