"""What a run's ground truth was, and what in it may be a mistake."""

from lit_samseg.results.contents import Results

ONE_IS_MISSING, SEVERAL_ARE_MISSING = 0.02, 0.1
"""Shares of void from which on it may hold a class that occurs nowhere. VOC has 0.05, and few images lack classes."""

_NAMED = 3


def notes_on_truth(results: Results) -> list[str]:
    """Return sentences about the masks of a run, from its ``results.json``; mostly none."""
    dataset = results["dataset"]
    notes = []
    if dataset.get("label_values") == "binary":
        no, yes = dataset["class_names"]
        notes.append(f"Masks were read as binary: 0 is {no}, 255 or 1 is {yes}.")
    elif dataset.get("label_values") == "colours":
        notes.append("Masks were read by their colours.")
    missing = missing_in_truth(results)
    return notes if missing is None else [*notes, missing]


def missing_in_truth(results: Results) -> str | None:
    """Tell that void may be a class: where much of the ground truth is void, and a class occurs nowhere in it."""
    share = results["dataset"].get("void_share")
    if share is None:
        return None
    classes = results["rows"][0]["per_class"]
    missing = [own["class"] for own in classes if not own["gt_area"]]
    few = len(missing) == 1 or len(missing) >= len(classes) - 1
    if not missing or share < (ONE_IS_MISSING if few else SEVERAL_ARE_MISSING):
        return None
    names = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
    verb = "occurs" if len(missing) == 1 else "occur"
    return (
        f"{100 * share:.1f} % of the ground truth is void, and {names} {verb} nowhere in it: if the masks' void is a "
        "class, it was not scored (data.label_values, data.ignore_index)."
    )


def notes_on_data(results: Results) -> list[str]:
    """Say which classes never occur and how many pictures were turned, where there are some."""
    dataset, notes = results["dataset"], []
    absent = [own["class"] for own in results["rows"][0].get("per_class", ()) if not own["gt_area"]]
    if absent and missing_in_truth(results) is None:
        shown = ", ".join(absent[:3]) + (", ..." if len(absent) > 3 else "")
        notes.append(f"{len(absent)} of {dataset['num_classes']} classes do not occur in the ground truth ({shown}).")
    if turned := dataset.get("turned"):
        notes.append(f"{turned} of the pictures were turned upright, as their EXIF data say.")
    return notes
