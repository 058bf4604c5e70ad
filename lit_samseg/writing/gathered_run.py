"""A run's metrics, gathered over its processes, as what is written of them."""

from collections.abc import Sequence

import numpy as np

from lit_samseg.analysis import COLUMNS, FOUND, LADDER, RUNGS
from lit_samseg.analysis.tags import names_of
from lit_samseg.module import SamSegEvaluation
from lit_samseg.results.evidence import Evidence, boundary_arrays
from lit_samseg.results.recognition import recognition_counts
from lit_samseg.results.regions import RegionLine


def gather_evidence(module: SamSegEvaluation, all_ids: Sequence[str], class_names: Sequence[str]) -> Evidence:
    """Gather the counts of every process; all of them must call it.

    Args:
        module: After its last step.
        all_ids: The run's ids by position.
        class_names: Names by class id.
    """
    positions, counts = module.scoring.pixels()
    ids = [all_ids[position] for position in positions]
    gathered = module.scoring.gathered()
    boundary = boundary_arrays(gathered["boundary"].counts)
    others = {metric.word: gathered[metric.word].counts for metric in module.scoring.others}
    if module.analysis is None:
        return Evidence(module.rows, ids, counts, boundary, metrics=others)
    recognition = recognition_counts(RUNGS, FOUND, gathered[module.analysis.recognition.word].counts)
    if not module.analysis.rows:
        return Evidence(module.rows, ids, counts, boundary, metrics=others, recognition=recognition)
    _, steps = module.analysis.counts.compute()
    analysed = module.analysis.rows.values()
    ladder = steps.cpu().numpy().reshape(len(analysed), len(LADDER), *steps.shape[1:])
    lines = module.analysis.regions.compute().numpy()
    regions = [_region(dict(zip(COLUMNS, line, strict=True)), module.rows, all_ids, class_names) for line in lines]
    rows = [variant.name for variant in analysed]
    return Evidence(module.rows, ids, counts, boundary, LADDER, ladder, regions, rows, others, recognition)


def _region(line: dict[str, float], rows: Sequence[str], ids: Sequence[str], class_names: Sequence[str]) -> RegionLine:
    lists = {
        what: [float(line[name]) for name in COLUMNS if name.startswith(f"{what}_") and np.isfinite(line[name])]
        for what in ("score", "iou", "truth")
    }
    return {
        "id": ids[int(line["position"])],
        "row": rows[int(line["row"])],
        "region": int(line["region"]),
        "class": class_names[int(line["class_id"])],
        "area": int(line["area"]),
        "box": [int(line[corner]) for corner in ("x_min", "y_min", "x_max", "y_max")],
        "tags": list(names_of(int(line["tags"]))),
        "chosen": int(line["chosen"]),
        "before": float(line["before"]),
        "after": float(line["after"]),
        "best": float(line["best"]),
        "score": lists["score"],
        "iou": lists["iou"],
        "truth": lists["truth"],
    }
