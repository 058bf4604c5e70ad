import numpy as np

from lit_samseg.results.harm import LISTED, harm_of_row, image_scores


def counts_of(ious: list[float]) -> np.ndarray:
    """Counts [3, N, 2] of images whose class 0 has these IoUs (of 100 pixels) and whose class 1 is only predicted."""
    counts = np.zeros((3, len(ious), 2), np.int64)
    counts[0, :, 0] = [round(100 * iou) for iou in ious]
    counts[1, :, 0] = 100
    counts[2, :, 0] = counts[0, :, 0]
    counts[2, :, 1] = 7
    return counts


def region(before: float, after: float) -> dict[str, object]:
    return {"class": "cat", "box": [0, 0, 1, 1], "tags": ["tiny"], "before": before, "after": after, "area": 3}


def test_an_images_score_is_over_the_classes_of_its_ground_truth() -> None:
    counts = counts_of([0.5, 1.0])
    assert image_scores(counts).tolist() == [0.5, 1.0]
    counts[:, 0] = 0
    assert np.isnan(image_scores(counts)[0])


def test_shares_ends_and_the_region_to_blame() -> None:
    before, after = counts_of([0.5, 0.5, 0.5, 0.5]), counts_of([0.6, 0.5, 0.1, 0.4])
    regions = {
        "a": [region(0.5, 0.9), region(0.5, 0.7)],
        "c": [region(0.9, 1.0), region(0.5, 0.2), region(0.5, 0.4)],
        "d": [region(0.5, 0.6)],
    }
    harm = harm_of_row(["a", "b", "c", "d"], after, before, regions)
    assert (harm["improved"], harm["unchanged"], harm["worse"]) == (0.25, 0.25, 0.5)
    assert [entry["id"] for entry in harm["best"]] == ["a"]
    assert [entry["id"] for entry in harm["worst"]] == ["c", "d"]
    assert harm["best"][0]["region"]["after"] == 0.9
    assert harm["worst"][0]["region"]["after"] == 0.2
    assert "area" not in harm["worst"][0]["region"]
    # No region lost anything there: what was painted over it is to blame, and no region is.
    assert harm["worst"][1]["region"] is None


def test_ten_at_either_end_and_images_without_ground_truth() -> None:
    before, after = counts_of([0.5] * 30), counts_of([0.5 + 0.01 * (i - 15) for i in range(30)])
    before[:, 29] = after[:, 29] = 0
    harm = harm_of_row([f"i{i:02d}" for i in range(30)], after, before, {})
    assert len(harm["best"]) == len(harm["worst"]) == LISTED
    assert harm["worst"][0]["id"] == "i00"
    assert harm["best"][0]["id"] == "i28"
    assert abs(harm["improved"] - 13 / 29) < 1e-12
