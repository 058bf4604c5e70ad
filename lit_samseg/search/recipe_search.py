"""The folder of a search, and the loop: propose, run, take down."""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lit_samseg.data import SegmentationDataModule
from lit_samseg.errors import InputError
from lit_samseg.journal import Journal
from lit_samseg.journal.run_identity import code_of, describe_differences
from lit_samseg.results.contents import Results
from lit_samseg.results.record import read_results
from lit_samseg.results.row_contents import Row
from lit_samseg.results.run_tables import METRIC
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.runtime.code_digest import classes_of_config
from lit_samseg.runtime.versions import installed_versions
from lit_samseg.search.configuration import Configuration
from lit_samseg.search.proposals import Proposals
from lit_samseg.search.trials import BASELINE, Trial, read_trials, write_trials
from lit_samseg.study.row_seconds import seconds_by_row

TRIALS = "trials.csv"
BATCH = 8
"""Rows of a run: they share an image's encoding, and prompts that they have in common."""
CONTROL = "none@crf"
"""Reported beside the winner: what is gained without asking SAM."""

_IDENTITY, _FORMER_IDENTITY = "search.json", "study.json"
"""What the trials were begun with; a search of an earlier release called it as a study calls its answer."""
_TOLERANCE = 1e-4
"""Of the baseline's score between runs: threads and graphics cards round differently, other weights do worse."""


@dataclass
class RecipeSearch:
    """A search on disk.

    Attributes:
        folder: Where all of its files are.
        configuration: Of every run.
        tune: The list of tuning ids.
        trials: The baseline as number 0, then what was tried; empty before the first run.
    """

    folder: Path
    configuration: Configuration
    tune: Path
    trials: list[Trial] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """How many rows were tried."""
        return max(0, len(self.trials) - 1)

    def open(self, ids: Sequence[str]) -> None:
        """Read the trials that are done, or begin.

        Args:
            ids: The tuning images.

        Raises:
            InputError: The folder holds trials of another configuration, list of images or release; or cannot be read.
        """
        digest = hashlib.sha256(json.dumps(sorted(ids)).encode()).hexdigest()
        versions = installed_versions() | {"code": code_of(classes_of_config(self.configuration.values))}
        identity: dict[str, Any] = {
            "config": self.configuration.decisive(),
            "tuning images": {"count": len(ids), "sha256": digest},
            "versions": versions,
        }
        path = self.folder / _IDENTITY
        self.trials = read_trials(self.folder / TRIALS)
        if self.trials:
            if not path.is_file() and (self.folder / _FORMER_IDENTITY).is_file():
                path = self.folder / _FORMER_IDENTITY
            try:
                was = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise InputError(f"{path} cannot be read ({error}); give another --output_dir") from error
            if differences := describe_differences(was, json.loads(json.dumps(identity))):
                raise InputError(
                    f"{self.folder} holds trials of another search: {differences}; give what they were begun with, or "
                    "another --output_dir"
                )
            return
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(identity, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def search(self, proposals: Proposals, trials: int, tell: Callable[["RecipeSearch"], None]) -> None:
        """Try rows until there are so many trials, or nothing is left to try.

        Proposals begin anew each time; what they propose again is answered from the trials that are done, so that an
        interrupted search goes on as if it had not been.

        Args:
            proposals: What to try.
            trials: How many in all, those of earlier calls included.
            tell: Called after each run.
        """
        proposed = 0
        while proposed < trials and self.tried < trials:
            batch = proposals.propose(min(BATCH, trials - proposed))
            if not batch:
                return
            proposed += len(batch)
            known = {trial.name for trial in self.trials}
            missing = [name for name in batch if name not in known][: trials - self.tried]
            if missing:
                self._try(missing)
                tell(self)
            values = {trial.name: trial.difference for trial in self.trials}
            for name in batch:
                if name in values:
                    proposals.learn(name, values[name])

    def _try(self, names: Sequence[str]) -> None:
        """Run rows and take them down."""
        run = f"trials/{hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()[:12]}"
        printed = io.StringIO()
        # The tables of a run are for its folder; here one line says what became of it.
        with contextlib.redirect_stdout(printed):
            cli = self._test(
                run, self.tune, names, "--model.analysis=false", "--gallery=false", "--report=false",
                "--model.save_predictions=false",
                "--model.save_scores=false",
            )  # fmt: skip
            results = read_results(self.folder / run)
            device = cli.trainer.strategy.root_device
            assert isinstance(cli.datamodule, SegmentationDataModule)
            seconds = seconds_by_row(cli.model, cli.datamodule, results["dataset"]["ids"], device)
        baseline, *rows = (_trial(row, seconds, run) for row in results["rows"])
        if not self.trials:
            self.trials.append(baseline)
        elif abs(baseline.miou_gt_present - self.trials[0].miou_gt_present) > _TOLERANCE:
            raise InputError(
                f"the baseline of {self.folder / run} has another mIoU than that of {self.folder / TRIALS}; weights or "
                "images have changed, give another --output_dir"
            )
        self.trials += [replace(trial, number=self.tried + 1 + n) for n, trial in enumerate(rows)]
        write_trials(self.folder / TRIALS, self.trials)

    def report(self, winner: str, ids_file: Path, ids: Sequence[str]) -> Results:
        """Run the winner and the control on the reporting images, if that was not done, and return its results."""
        rows = list(dict.fromkeys([winner, CONTROL]))
        folder = self.folder / "report"
        if (folder / "results.json").is_file():
            results = read_results(folder)
            same = [row["name"] for row in results["rows"]] == [BASELINE, *rows]
            if same and results["dataset"]["ids"] == sorted(ids):
                return results
        self._test("report", ids_file, rows)
        return read_results(folder)

    def _test(self, run: str, ids_file: Path, rows: Sequence[str], *words: str) -> Any:
        folder = self.folder / run
        journal = Journal(folder)
        return self.configuration.test(
            f"--data.ids={ids_file}",
            f"--model.variants=[{', '.join(rows)}]",
            f"--model.cache_dir={self.configuration.cache_dir or self.folder / 'cache'}",
            f"--output_dir={folder}",
            f"--resume={'true' if journal.exists() else 'false'}",
            # A run that was not taken down among the trials is made again.
            f"--overwrite={'false' if journal.exists() else 'true'}",
            *words,
        )


def _trial(row: Row, seconds: dict[str, float], run: str) -> Trial:
    if row["miou_gt_present"] is None:
        raise InputError("no pixel of the tuning images has a label; give others by --tune")
    return Trial(
        number=0,
        name=row["name"],
        miou=_number(row["miou"]),
        miou_gt_present=row["miou_gt_present"],
        difference=_number(row["difference"][METRIC]["value"]) if "difference" in row else 0.0,
        boundary_iou=_number(row.get("boundary", {}).get("iou_before")),
        seconds=seconds.get(row["name"], 0.0),
        run=run,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
