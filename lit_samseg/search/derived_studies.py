"""The two studies that a search over pairs is made of: one that tunes recipes, and one that reports those chosen."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lit_samseg.refine.grammar import RowText
from lit_samseg.results.record import read_results
from lit_samseg.results.run_tables import METRIC
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.search.candidates import AUTO, TUNED, renamed
from lit_samseg.search.chooser import Choice, TuningGains, objective_of
from lit_samseg.search.pair_images import PairImages
from lit_samseg.search.words import Leave, Objective
from lit_samseg.study.folder import StudyFolder
from lit_samseg.study.layering import lay_over
from lit_samseg.study.plan import Pair, StudyPlan

TUNING, REPORT = "tuning", "report"
"""Folders of the two studies."""

_NUMBERS_ALONE = {"gallery": False, "report": False}


def tuning_study(
    plan: StudyPlan, folder: Path, pairs: Sequence[PairImages], rows: Mapping[str, RowText]
) -> tuple[StudyPlan, StudyFolder]:
    """Return a study of all recipes on the tuning images.

    Args:
        plan: The study that is searched.
        folder: The search's.
        pairs: Those of the study.
        rows: The recipes, by name.
    """
    off = dict.fromkeys(("analysis", "save_predictions", "save_scores"), False)
    lean = _NUMBERS_ALONE | {"model": {"init_args": off}}
    made = [_derived(own, folder, own.tune, list(rows.values()), lean) for own in pairs]
    return _study(plan, folder, TUNING, made, None)


def report_study(
    plan: StudyPlan,
    folder: Path,
    pairs: Sequence[PairImages],
    choices: Sequence[Choice],
    rows: Mapping[str, RowText],
) -> tuple[StudyPlan, StudyFolder]:
    """Return a study of each pair's own recipe, beside the rows that it had and ``auto``.

    Args:
        plan: The study that is searched.
        folder: The search's.
        pairs: Those of the study.
        choices: The recipe of each.
        rows: The recipes, by name.
    """
    made = []
    for own, choice in zip(pairs, choices, strict=True):
        asked = [renamed(rows[choice.recipe], TUNED), *own.pair.options["model"]["init_args"]["variants"]]
        if AUTO not in own.pair.rows:
            # By a name, since its text may be there already.
            asked.append({AUTO: AUTO})
        made.append(_derived(own, folder, own.report, asked, {}))
    return _study(plan, folder, REPORT, made, AUTO)


def _derived(
    own: PairImages, folder: Path, ids: Sequence[str], rows: Sequence[RowText], further: Mapping[str, Any]
) -> Pair:
    """Return a pair with other images and rows; its embeddings are kept where the other study's are."""
    data = own.pair.options["data"]
    data = {"class_path": data} if isinstance(data, str) else dict(data)
    arguments = {key: value for key, value in (data.get("init_args") or {}).items() if key != "subset"}
    data["init_args"] = arguments | {"ids": str(_list_of(folder, ids))}
    cache = own.pair.options["model"]["init_args"].get("cache_dir") or str(folder / "cache")
    model = {"init_args": {"variants": list(rows), "cache_dir": cache}}
    options = lay_over(lay_over(own.pair.options, {"model": model}), further)
    return replace(own.pair, options=options | {"data": data})


def _list_of(folder: Path, ids: Sequence[str]) -> Path:
    """Write a list of ids, named after what is in it: equal lists are one, and another list is another option."""
    text = "".join(f"{image}\n" for image in ids)
    path = folder / "ids" / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
    _write(path, text)
    return path


def _study(
    plan: StudyPlan, folder: Path, name: str, pairs: Sequence[Pair], control: str | None
) -> tuple[StudyPlan, StudyFolder]:
    place = StudyFolder(folder / name)
    # A file that says the same; each pair's configuration is written beside it.
    title = f"{plan.title}, {name}"
    files = [{"name": pair.name, "config": str(place.config(pair))} for pair in pairs]
    told = {"title": title, "control": control, "pairs": files}
    path = folder / f"{name}.yaml"
    _write(path, yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    return StudyPlan(path, title, pairs, control), place


def tuning_gains(
    plan: StudyPlan, place: StudyFolder, pairs: Sequence[PairImages], recipes: Sequence[str], leave: Leave
) -> TuningGains:
    """Read what recipes gain on the tuning images of the pairs.

    Raises:
        InputError: A run cannot be read.
    """
    values = np.full((len(recipes), len(pairs)), np.nan)
    for column, pair in enumerate(plan.pairs):
        for number, row in enumerate(read_results(place.run(pair))["rows"][1:]):
            value = row["difference"][METRIC]["value"]
            values[number, column] = np.nan if value is None else value
    return TuningGains(recipes, [own.group for own in pairs], [own.left_out(leave) for own in pairs], values)


def write_gains(path: Path, gains: TuningGains, objective: Objective, pairs: Sequence[PairImages]) -> None:
    """Write what each recipe gains, on the whole and on each pair, as CSV: fractions, numbers in full."""
    reached = objective_of(gains, objective, range(len(pairs)))
    with atomic_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["recipe", objective, *(own.pair.name for own in pairs)])
        for recipe, value, own in zip(gains.recipes, reached, gains.values, strict=True):
            writer.writerow([recipe, float(value), *map(float, own)])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")
