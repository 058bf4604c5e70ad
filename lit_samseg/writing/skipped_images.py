"""Images that were left out since they could not be read: never silently."""

import sys

from lit_samseg.writing.writer import Writer

NAMED = 10
"""Images named at the end; all are in ``results.json``."""


class SkippedImages(Writer):
    """Gathers what each process skipped (``data.on_error``) and, on the first, names it on standard error."""

    def finish(self) -> None:
        """Let every process know all that was skipped, sorted by id, before results are written."""
        everywhere = self.run.processes.gather(self.run.data.skipped)
        self.run.data.skipped = dict(sorted(item for skipped in everywhere for item in skipped.items()))

    def publish(self) -> None:
        """Print a line for each of the first of them."""
        skipped = self.run.data.skipped
        if not skipped or not self.run.is_first:
            return
        lines = [f"  {' '.join(error.split())}" for error in list(skipped.values())[:NAMED]]
        lines += [f"  and {len(skipped) - NAMED} more"] if len(skipped) > NAMED else []
        print(f"lit-samseg: {len(skipped)} images were skipped:", *lines, sep="\n", file=sys.stderr)
