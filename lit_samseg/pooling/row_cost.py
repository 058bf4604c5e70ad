"""What a row costs, and which rows no other beats."""

from lit_samseg.pooling.contents import RowFacts, StudyResults


def seconds_of(row: RowFacts) -> float | None:
    """Return a row's seconds per image, the mean over the pairs that know them; None where none does."""
    known = [effect["seconds"] for effect in row["effects"] if effect["seconds"] is not None]
    return sum(known) / len(known) if known else None


def cheapest_first(results: StudyResults) -> list[tuple[RowFacts, float]]:
    """Return rows with their seconds per image, those alone that gain more than every cheaper row, and than nothing.

    Args:
        results: ``study.json``.
    """
    priced = [(row, seconds) for row in results["rows"] if (seconds := seconds_of(row)) is not None]
    # The baseline as it is gains nothing for nothing.
    best, front = 0.0, []
    for row, seconds in sorted(priced, key=lambda own: own[1]):
        mean = row["pooled"]["mean"]
        if mean is not None and mean > best:
            best = mean
            front.append((row, seconds))
    return front
