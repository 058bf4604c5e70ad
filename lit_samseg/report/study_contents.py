"""What a study's page says beside its pooled tables: of pairs, costs, what gains depend on, and what is amiss."""

from collections.abc import Mapping

from lit_samseg.plots.study_relations import standardised_interval
from lit_samseg.pooling.contents import RowFacts, SlopeFacts, StudyResults
from lit_samseg.pooling.image_facts import BASELINE_SCORE
from lit_samseg.pooling.moderators import MEAN_SCORE
from lit_samseg.pooling.row_cost import cheapest_first, seconds_of
from lit_samseg.pooling.study_tables import ABOUT
from lit_samseg.results.run_tables import count, per_cent, points
from lit_samseg.results.text_table import TextTable


def facts_table(results: StudyResults) -> TextTable:
    """Lay out the pairs; their numbers stand beside points in plots."""
    numbers = {pair["name"]: number for number, pair in enumerate(results["pairs"], 1)}
    header = ["pair", "no.", "data", "images", "classes", "baseline", "mIoU*", "mIoU", "SAM", "s/image"]
    header += ["device", "shares images with"]
    cells = [
        [
            pair["name"],
            str(numbers[pair["name"]]),
            f"{pair['dataset']} {pair['split']}",
            str(pair["images"]),
            str(pair["classes"]),
            pair["baseline"],
            per_cent(pair["miou_gt_present"]),
            per_cent(pair["miou"]),
            pair["sam"],
            "-" if pair["seconds"] is None else f"{pair['seconds']:.2f}",
            pair["device"],
            ", ".join(str(numbers.get(name, name)) for name in pair["shares_images_with"]) or "-",
        ]
        for pair in results["pairs"]
    ]
    notes = [
        "mIoU*: over the classes of the ground truth. s/image: all rows together, as the run took. Pairs that share "
        "images are not independent; their images are resampled together."
    ]
    return TextTable("Pairs", header, cells, notes)


def cost_table(results: StudyResults) -> TextTable | None:
    """Lay out what each row costs and gains, the cheapest first; None where no cost is known."""
    priced = [(row, seconds) for row in results["rows"] if (seconds := seconds_of(row)) is not None]
    if not priced:
        return None
    unbeaten = {row["name"] for row, _ in cheapest_first(results)}
    cells = [
        [row["name"], f"{seconds:.3f}", points(row["pooled"]["mean"]), "yes" if row["name"] in unbeaten else "no"]
        for row, seconds in sorted(priced, key=lambda own: own[1])
    ]
    notes = [
        "Seconds of the row alone, beyond the baseline and SAM's image encoder, which all rows share: the mean over "
        "pairs. Unbeaten: no row gains as much for less, nor does the baseline as it is."
    ]
    return TextTable("Cost and gain", ["row", "s/image", "pooled gain", "unbeaten"], cells, notes)


def borders_table(results: StudyResults) -> TextTable | None:
    """Lay out the gain in Boundary IoU of each row on each pair; None where none was measured."""
    rows = [row for row in results["rows"] if any(effect["boundary_iou"] is not None for effect in row["effects"])]
    if not rows:
        return None
    cells = []
    for pair in results["pairs"]:
        gains = [next((e["boundary_iou"] for e in row["effects"] if e["pair"] == pair["name"]), None) for row in rows]
        cells.append([pair["name"], *map(points, gains)])
    return TextTable("Gain in Boundary IoU, in points", ["pair", *(row["name"] for row in rows)], cells)


def because(row: RowFacts) -> str:
    """Say in a sentence with which facts about images a row's gain goes, the strongest first; empty where none does.

    Where a fact was looked at alone and with the others kept as they are, the latter is said. A slope on the baseline's
    own score is partly luck (regression to the mean): it is said only where that on the mean of both scores agrees.
    """
    alone, kept = ({s["name"]: s for s in row["depends_on"] if s["together"] == together} for together in (False, True))
    told = {name: slope for name, slope in (alone | kept).items() if _sign(slope)}
    both = told.pop(MEAN_SCORE, None)
    own = told.get(BASELINE_SCORE)
    if own is not None and (both is None or _sign(both) != _sign(own)):
        del told[BASELINE_SCORE]
    strongest = sorted(told.values(), key=lambda slope: -abs(slope["standardised"] or 0))[:3]
    if not strongest:
        return ""
    # Without the unit.
    names = [ABOUT.get(slope["name"], slope["name"].replace("_", " ")).partition(",")[0] for slope in strongest]
    sizes = ["larger" if _sign(slope) > 0 else "smaller" for slope in strongest]
    said = [f"the {name} is {size}" for name, size in zip(names, sizes, strict=True)]
    return f"{row['name']} gains more on images where {', and where '.join(said)}."


def warnings(results: StudyResults) -> list[str]:
    """Say in what pairs were run differently: versions, devices."""
    said = []
    pairs = results["pairs"]
    names = list(dict.fromkeys(name for pair in pairs for name in pair["versions"]))
    for name in names:
        found = _groups({pair["name"]: pair["versions"].get(name, "none") for pair in pairs})
        if len(found) > 1:
            said.append(f"Pairs were run with different versions of {name}: {_told(found)}.")
    found = _groups({pair["name"]: pair["device"] for pair in pairs})
    if len(found) > 1:
        said.append(f"Pairs were run on different devices: {_told(found)}. Their seconds cannot be compared.")
    return said


def _groups(values: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for pair, value in values.items():
        groups.setdefault(value, []).append(pair)
    return groups


def _told(groups: Mapping[str, list[str]]) -> str:
    return "; ".join(
        f"{value} ({pairs[0] if len(pairs) == 1 else count(len(pairs), 'pair')})" for value, pairs in groups.items()
    )


def _sign(slope: SlopeFacts) -> int:
    ends = standardised_interval(slope)
    if ends is None:
        return 0
    return 1 if ends[0] > 0 else -1 if ends[1] < 0 else 0
