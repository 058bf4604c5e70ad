"""Writes a finished test's numbers."""

import sys
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import cast

from rich.console import Console

from lit_samseg.data import Sample
from lit_samseg.data.understanding import TruthAreas, facts_of
from lit_samseg.errors import InputError
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.results.contents import Results, RunFacts
from lit_samseg.results.layout import REPORT
from lit_samseg.results.numbers import finite
from lit_samseg.results.other_metrics import describe_metrics, score_metrics
from lit_samseg.results.record import RunRecord, provenance
from lit_samseg.results.row_contents import RowParts
from lit_samseg.results.tables_of_run import summary_of_run, tables_of_run
from lit_samseg.results.text_table import write_tables
from lit_samseg.results.truth import missing_in_truth
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.runtime.memory import peak_memory_mb
from lit_samseg.writing.gathered_run import gather_evidence
from lit_samseg.writing.run_facts import run_facts
from lit_samseg.writing.run_plan import RunPlan
from lit_samseg.writing.writer import Writer


class ResultsWriter(Writer):
    """At the end of a test, the first process writes ``results.json``, what it was made from, and the tables.

    Args:
        run: The run.
    """

    def __init__(self, run: RunPlan) -> None:
        super().__init__(run)
        self._start = self._last = 0.0
        self._images = 0
        self._processes: list[dict[str, float]] = []
        self._results: Results | None = None

    def begin(self, kept: Collection[str]) -> None:
        """Start the clock."""
        self._start = self._last = time.perf_counter()

    def add(self, sample: Sample, maps: LabelMaps) -> Sequence[Future[None]]:
        """Count this process's images."""
        self._images, self._last = self._images + 1, time.perf_counter()
        return ()

    def finish(self) -> None:
        """Wait for the other processes, and take down how long each had to."""
        self.run.processes.barrier()
        facts = {"images": self._images, "seconds": self._last - self._start}
        facts |= {"waited": time.perf_counter() - self._last}
        facts |= {f"peak_mb_{kind}": megabytes for kind, megabytes in peak_memory_mb(self.run.device).items()}
        self._processes = self.run.processes.gather(facts)

    def publish(self) -> None:
        """Gather the counts; on the first process write."""
        run, data = self.run, self.run.data
        seconds = time.perf_counter() - self._start
        void_share = run.module.scoring.void_share.compute()
        evidence = gather_evidence(run.module, data.ids, data.class_names)
        if not evidence.ids and data.skipped:
            raise InputError(f"none of the {len(data.ids)} images can be read; {next(iter(data.skipped.values()))}")
        # By id, not by number: twice is refused where the counts are gathered.
        if run.is_whole and sorted([*evidence.ids, *data.skipped]) != data.ids:
            raise RuntimeError(f"{len(evidence.ids)} of {len(data.ids)} images were evaluated")
        if not run.is_first:
            return
        facts = provenance() | run_facts(run, evidence.ids, seconds, self._processes)
        facts["dataset"] |= {"void_share": finite(void_share)}
        if len(evidence.ids) + len(data.skipped) < len(data.ids):
            facts["partial"] = {"of": len(data.ids), "option": run.stopped_by}
        areas = evidence.counts[0, 1].sum(axis=0)
        facts["dataset"] |= facts_of(data, TruthAreas(len(evidence.ids), areas, finite(void_share)))
        others = run.module.scoring.others
        facts |= {"metrics": describe_metrics(others)} if others else {}
        parts = cast(Mapping[str, RowParts], {v.name: v.describe() for v in run.module.variants})
        record = RunRecord(evidence, data.class_names, cast(RunFacts, facts), score_metrics(others, evidence), parts)
        # An earlier run's report is not of these results, and a new one may not come to be.
        (run.output_dir / REPORT).unlink(missing_ok=True)
        with atomic_file(run.output_dir / "config.yaml") as path:
            path.write_text(run.config, encoding="utf-8")
        results = record.write(run.output_dir)
        write_tables(tables_of_run(results), run.output_dir, "tables")
        self._results = results

    def tell(self) -> None:
        """Print the tables that are read first, and where all files are."""
        if self._results is None:
            return
        for table in summary_of_run(self._results):
            table.print()
        if (missing := missing_in_truth(self._results)) is not None:
            print(f"lit-samseg: {missing}", file=sys.stderr)
        # soft_wrap: a path is for copying, in one piece.
        Console().print(f"Written to {self.run.output_dir}", soft_wrap=True, highlight=False, markup=False)
