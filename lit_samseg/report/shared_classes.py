"""What rows gain by class, where pairs share classes; from the pairs' runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.pooling.contents import StudyResults
from lit_samseg.results.record import read_results
from lit_samseg.results.run_tables import points
from lit_samseg.results.text_table import TextTable


@dataclass(frozen=True)
class SharedClasses:
    """Gains in IoU, fractions, of classes that are in two pairs or more.

    Attributes:
        gains: By row, class and pair.
        lacking: Pairs whose runs could not be read.
    """

    gains: Mapping[str, Mapping[str, Mapping[str, float]]]
    lacking: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path, results: StudyResults) -> "SharedClasses":
        """Read the runs of a study. Classes are the same where their names are, capital letters or not.

        Args:
            folder: The study's.
            results: Its ``study.json``.
        """
        found: dict[str, dict[str, dict[str, float]]] = {row["name"]: {} for row in results["rows"]}
        names: dict[str, str] = {}
        lacking = []
        asked = {(e["pair"], row["name"]): e["row"] for row in results["rows"] for e in row["effects"]}
        for pair in results["pairs"]:
            try:
                run = {row["name"]: row for row in read_results(folder / pair["folder"])["rows"]}
            except InputError:
                lacking.append(pair["name"])
                continue
            for row, by_class in found.items():
                own = run.get(asked.get((pair["name"], row), ""))
                for scores in () if own is None else own["per_class"]:
                    name = names.setdefault(scores["class"].casefold(), scores["class"])
                    if scores["difference"] is not None:
                        by_class.setdefault(name, {})[pair["name"]] = scores["difference"]
        shared = {name for by_class in found.values() for name, own in by_class.items() if len(own) > 1}
        gains = {
            row: {name: by_class[name] for name in names.values() if name in shared and name in by_class}
            for row, by_class in found.items()
        }
        return cls(gains, tuple(lacking))

    def of_row(self, row: str) -> dict[str, list[float]]:
        """Return a row's gains by class; only classes that it has on two pairs or more."""
        return {name: list(own.values()) for name, own in self.gains.get(row, {}).items() if len(own) > 1}

    def table(self) -> TextTable | None:
        """Lay out the mean over pairs of each row's gain, and from which to which it is; None where none is shared."""
        names = list(dict.fromkeys(name for by_class in self.gains.values() for name in by_class))
        if not names:
            return None
        cells = []
        for name in names:
            pairs = {pair for by_class in self.gains.values() for pair in by_class.get(name, {})}
            own = [list(by_class.get(name, {}).values()) for by_class in self.gains.values()]
            cells.append([name, str(len(pairs)), *map(_mean_and_range, own)])
        notes = [
            "IoU of the class, row minus baseline, in points: the mean over the pairs that have the class, and the "
            "smallest and the largest. Classes are the same where their names are."
        ]
        notes += [f"Not in it: {name}, whose run cannot be read." for name in self.lacking]
        return TextTable("Gain by class, where pairs share classes", ["class", "pairs", *self.gains], cells, notes)


def _mean_and_range(gains: list[float]) -> str:
    if not gains:
        return "-"
    return f"{points(sum(gains) / len(gains))} ({points(min(gains))} to {points(max(gains))})"
