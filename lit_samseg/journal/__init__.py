"""What a run has finished so far, on disk: enough to go on after the process is killed, and not to mix two runs."""

from lit_samseg.journal.folder_lock import FolderLock
from lit_samseg.journal.journal import Journal
from lit_samseg.journal.records import Record, RecordFile, read_records
from lit_samseg.journal.run_identity import describe_differences, identity_of_run

__all__ = ["FolderLock", "Journal", "Record", "RecordFile", "describe_differences", "identity_of_run", "read_records"]
