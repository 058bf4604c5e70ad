"""The folder of a study: where each pair's configuration, run and log are, and how far the run is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lit_samseg.errors import InputError
from lit_samseg.journal import Journal
from lit_samseg.journal.run_identity import describe_differences
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.study.plan import Pair, StudyPlan

_FREE = {"data": ("batch_size", "num_workers"), "model": ("cache_dir", "cache_max_gb")}
"""Options that may differ from one call to the next; each pair's test compares what its numbers depend on."""


@dataclass(frozen=True)
class StudyFolder:
    """Where a study's files are.

    Attributes:
        path: The folder.
    """

    path: Path

    def config(self, pair: Pair) -> Path:
        """Return the pair's configuration: ``lit-samseg test --config FILE`` runs it by itself."""
        return self.path / "configs" / f"{pair.folder}.yaml"

    def run(self, pair: Pair) -> Path:
        """Return the output folder of the pair's test."""
        return self.path / "pairs" / pair.folder

    def probe(self, pair: Pair) -> Path:
        """Return the output folder of the pair's first few images, which is removed when they are done."""
        return self.path / "probes" / pair.folder

    def log(self, pair: Pair, what: str = "") -> Path:
        """Return the file of what the pair's test prints, or ``-probe`` or ``-shard-K`` of it."""
        return self.path / "logs" / f"{pair.folder}{what}.txt"

    def cache(self, pair: Pair) -> Path:
        """Return where embeddings are kept: in one place for all pairs, unless the pair names another."""
        own = pair.options["model"]["init_args"].get("cache_dir")
        return self.path / "cache" if own is None else Path(own).expanduser()

    def is_finished(self, pair: Pair) -> bool:
        """Tell whether the pair's test is done; while there is a journal something is left to do."""
        folder = self.run(pair)
        return (folder / "results.json").is_file() and not Journal(folder).exists()

    def images_done(self, pair: Pair) -> int:
        """Return how many images the journal of an unfinished test holds."""
        return Journal(self.run(pair)).count()

    def has_study(self) -> bool:
        """Tell whether a study was begun here."""
        return (self.path / "study.yaml").is_file()

    def write_plan(self, plan: StudyPlan) -> None:
        """Write the study's file and each pair's configuration.

        Raises:
            InputError: A pair that was run before has other options now.
        """
        changed = [(pair, told) for pair in plan.pairs if (told := self._difference(pair))]
        if changed:
            pair, told = changed[0]
            raise InputError(
                f"pair {pair.name!r} was run with other options: {told}; give what it was begun with, another name, or "
                f"another --output_dir, or delete {self.run(pair)}"
            )
        for pair in plan.pairs:
            text = f"# {pair.name}\n{yaml.safe_dump(_plain(pair.options), sort_keys=False, allow_unicode=True)}"
            _write(self.config(pair), text)
        _write(self.path / "study.yaml", plan.path.read_text(encoding="utf-8-sig"))

    def _difference(self, pair: Pair) -> str:
        if not self.run(pair).is_dir() or not self.config(pair).is_file():
            return ""
        was = yaml.safe_load(self.config(pair).read_text(encoding="utf-8"))
        return describe_differences(_decisive(was), _decisive(_plain(pair.options)))


def _decisive(options: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in options.items() if key not in ("trainer", "gallery", "report")}
    for part, free in _FREE.items():
        arguments = kept.get(part, {}).get("init_args") if isinstance(kept.get(part), Mapping) else None
        if isinstance(arguments, Mapping):
            bound = {key: value for key, value in arguments.items() if key not in free}
            kept[part] = kept[part] | {"init_args": bound}
    return kept


def _plain(options: Mapping[str, Any]) -> Any:
    """Return options as plain YAML has them, no object in two places."""
    return json.loads(json.dumps(options, default=str))


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def words_of_test(folder: StudyFolder, pair: Pair) -> Sequence[str]:
    """Return the words of a pair's test; they begin it or go on with it."""
    return [
        "test",
        f"--config={folder.config(pair)}",
        f"--model.cache_dir={folder.cache(pair)}",
        f"--output_dir={folder.run(pair)}",
        "--resume=true",
        "--trainer.enable_progress_bar=false",
    ]
