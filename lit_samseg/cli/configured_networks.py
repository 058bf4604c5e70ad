"""A run's networks and rows, as its configuration has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lit_samseg.baselines import Baseline
from lit_samseg.cli.config_files import check_config_file
from lit_samseg.cli.configured_data import make_data, make_object
from lit_samseg.configurations import CONFIGURATIONS
from lit_samseg.errors import InputError
from lit_samseg.refine import RECOMMENDED, RowText
from lit_samseg.sam import PromptableSegmenter


@dataclass(frozen=True)
class ConfiguredNetworks:
    """What a configuration refines with.

    Attributes:
        sam: The promptable segmenter.
        baseline: The segmenter.
        rows: As the configuration has them.
        class_names: The data set's.
        background: Its class that is never prompted, or None.
        gate: ``gate.json`` of ``lit-samseg fit``, or None.
        memory: ``memory.safetensors`` of ``lit-samseg fit``, or None.
        path: The configuration.
    """

    sam: PromptableSegmenter
    baseline: Baseline
    rows: Sequence[RowText]
    class_names: tuple[str, ...]
    background: int | None
    gate: str | None
    memory: str | None
    path: Path

    def row(self, asked: RowText | None) -> RowText:
        """Return the row that is asked for.

        Args:
            asked: A row's text, or the name that the configuration gives it; None takes the only row, or ``auto``.

        Raises:
            InputError: None is asked for, and there are several without ``auto``.
        """
        named = {name: row for row in self.rows if isinstance(row, Mapping) for name in row}
        if asked is not None:
            return named.get(asked, asked) if isinstance(asked, str) else asked
        if len(self.rows) == 1:
            return self.rows[0]
        recommended = [row for row in self.rows if row in ("auto", RECOMMENDED)]
        if not recommended:
            names = [*named, *(row for row in self.rows if isinstance(row, str))]
            raise InputError(
                f"{self.path} has {len(self.rows)} rows, and auto is none of them; say which by variant=NAME, of "
                f"{', '.join(names) or 'any row'}"
            )
        return recommended[0]


def configured_networks(run: Path) -> ConfiguredNetworks:
    """Make the networks of a configuration.

    Args:
        run: The output folder of a run, with its ``config.yaml``; or a YAML file, or a shipped one's name.

    Raises:
        InputError: There is no configuration, or it names something that cannot be made.
    """
    path = run / "config.yaml" if run.is_dir() else run
    if not path.exists():
        path = CONFIGURATIONS.path(str(run)) or path
    if not path.is_file():
        raise InputError(f"no such configuration: {path}; give the output folder of a run, or a YAML file")
    try:
        check_config_file(path)
    except InputError as error:
        raise InputError(f"configuration {path} {error}") from error
    content: Any = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    sections = [content.get(part) for part in ("data", "model")]
    if not all(isinstance(section, Mapping) and "class_path" in section for section in sections):
        raise InputError(f"{path} has no 'data' and 'model' with a class_path; give the config.yaml of a run")
    given = sections[1].get("init_args") or {}
    if not all(isinstance(given.get(name), Mapping) for name in ("baseline", "sam")):
        raise InputError(f"{path} names no baseline and sam under model; give the config.yaml of a run")
    data = make_data(sections[0], f"the data set of {path}")
    baseline = make_object(Baseline, "baseline", given["baseline"], f"the baseline of {path}")
    baseline.check_classes(data.class_names)
    return ConfiguredNetworks(
        sam=make_object(PromptableSegmenter, "sam", given["sam"], f"the SAM of {path}"),
        baseline=baseline,
        rows=given.get("variants") or ["auto"],
        class_names=data.class_names,
        background=data.background,
        gate=given.get("gate"),
        memory=given.get("memory"),
        path=path,
    )
