"""A metric: how much of an image is covered by things."""

from collections.abc import Mapping

from lit_samseg.metrics import Column, Counts, ImageFacts, LabelMap, Metric


class Coverage(Metric):
    """The share of all pixels that are not class 0."""

    word = "coverage"
    columns = (Column("share", "covered", note="share of all pixels that are not class 0"),)

    def count(self, label_map: LabelMap, target: LabelMap, image: ImageFacts) -> Mapping[str, int]:
        return {"covered": int((label_map > 0).sum()), "area": label_map.size}

    def score(self, counts: Counts) -> Mapping[str, float]:
        return {"share": counts["covered"] / counts["area"]}
