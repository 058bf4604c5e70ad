"""What each column of a page's tables is, and its unit: said where its head is pointed at."""

from collections.abc import Mapping

_POINTS = "in points of mIoU*"
_SHARE = "in per cent"

_STEP = f"What the row would gain, {_POINTS}, if the ground truth "

_INTERVAL = "Its 95 % interval, in points."

_VERDICT = "better or worse: p is below 0.05 and the interval is on one side of 0. no evidence is not equality."

_SECONDS = "Seconds per image of the row alone, beyond the baseline and SAM's image encoder."

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "scores": {
        "row": "A way to refine, from prompts to label map. The baseline is the label map as it came.",
        "mIoU": "Mean IoU over classes with a non-empty union, pooled over the images, in per cent.",
        "mAcc": "Mean over the classes of the ground truth of the share of their pixels that is right, in per cent.",
        "mIoU*": "Mean IoU over the classes of the ground truth, pooled over the images, in per cent.",
        "diff.": "mIoU* of the row, less the baseline's, in points.",
        "95 %": "Its 95 % interval by a paired bootstrap of the images, in points.",
        "verdict": f"{_VERDICT} p is corrected for the number of rows (Holm).",
        "bIoU": "Boundary IoU: IoU in bands along borders, 2 % of the image's diagonal wide, in per cent.",
        "paper mIoU/mAcc": "What the paper gives for this row on its images, in per cent.",
    },
    "causes": {
        "row": "A way to refine, from prompts to label map.",
        "absent": f"{_STEP}took away classes that the image does not have.",
        "classes": f"{_STEP}painted the classes that are missed.",
        "absent+classes": f"{_STEP}took away absent classes and painted missed ones.",
        "objects": f"{_STEP}painted the objects that are missed.",
        "absent+objects": f"{_STEP}took away absent classes and painted missed objects.",
        "components": f"{_STEP}gave each component the class that most of it is.",
        "refined": f"What the row gains as it is, {_POINTS}: the row less the baseline.",
        "score": f"What the row would gain, {_POINTS}, if SAM's own score picked the candidate.",
        "oracle": f"{_STEP}picked the candidate.",
        "true boxes": f"{_STEP}gave the boxes that SAM is asked by.",
        "true prompts": f"{_STEP}gave the regions that prompts are made of.",
        "merging": f"{_STEP}decided pixels that are contested or unclaimed.",
        "gate": f"{_STEP}decided between SAM's mask and the region.",
        "missed classes": "Classes of which less than 5 % of the pixels in an image are right, of all classes.",
        "absent classes": "Classes in a label map that its image does not have: how many, over all images.",
        "missed objects": "Objects of which less than 20 % of the pixels are right, of all objects.",
        "of small ones": "The same of objects under 32 x 32 pixels.",
        "wrong components": "Components of the label map of which most is of another class, of all components.",
    },
    "tags": {
        "regions": "Tag of a region; a region with several counts under each.",
        "count": "How many regions have it.",
        "IoU before": "Mean IoU of these regions with the ground truth of their class, before SAM, in per cent.",
        "IoU after": "The same after SAM, in per cent.",
        "of all loss": "Share of all IoU lost by regions that is lost by these, in per cent.",
        "of all gain": "Share of all IoU gained by regions that is gained by these, in per cent.",
    },
    "classes": {
        "class": "Of the data set.",
        "baseline": "IoU of the class in the baseline, pooled over the images, in per cent.",
        "*": "IoU of the class in {name}, less the baseline's, in points.",
    },
    "harm": {
        "row": "A way to refine, from prompts to label map.",
        "improved": "Share of the images whose mean IoU is larger than the baseline's, in per cent.",
        "unchanged": "Share of the images whose mean IoU is the baseline's, in per cent.",
        "worse": "Share of the images whose mean IoU is smaller than the baseline's, in per cent.",
        "best image": "The image that gains most, and its gain in mean IoU, in points.",
        "worst image": "The image that loses most, and its change in mean IoU, in points.",
    },
    "ends": {
        "image": "Its id; it leads to the image in the gallery.",
        "diff.": "Change of the image's mean IoU over the classes of its ground truth, in points.",
        "region": "Class of the region that changed most in that direction.",
        "box": "Of that region: left, top, right and bottom, in pixels.",
        "tags": "Of that region.",
        "its IoU": "Change of that region's IoU, in points.",
    },
    "timing": {
        "stage": "Part of the run.",
        "s/image": "Seconds per image of the first process.",
        "%": "Share of the whole time, in per cent.",
    },
    "pooled": {
        "row": "A way to refine, from prompts to label map.",
        "pairs": "How many pairs of data set and baseline have it.",
        "pooled gain": f"Random-effects mean over pairs of the row's gain, {_POINTS}.",
        "95 %": "Hartung and Knapp's 95 % interval of the pooled gain, in points.",
        "next pair, 95 %": "Where the true gain on another pair of this kind is expected, in points.",
        "tau": "Standard deviation of the pairs' true gains, in points.",
        "I2": "Share of the differences between pairs that is not sampling of images, in per cent.",
        "better / worse": "On how many pairs the row is better, and on how many worse.",
    },
    "by_pair": {
        "pair": "A data set and a baseline.",
        "images": "How many the pair has.",
        "baseline mIoU*": "Of the pair's baseline, over the classes of the ground truth, in per cent.",
        "*": f"Gain of {{name}} on the pair, {_POINTS}.",
    },
    "by_row": {
        "pair": "A data set and a baseline.",
        "images": "How many the pair has.",
        "baseline mIoU*": "Of the pair's baseline, over the classes of the ground truth, in per cent.",
        "gain": "mIoU* of the row, less the baseline's, in points.",
        "95 %": "Its 95 % interval by a bootstrap of the images, in points.",
        "verdict": _VERDICT,
        "weight": "Share of the pair in the pooled gain, in per cent.",
        "bIoU": "Gain in Boundary IoU, in points.",
        "s/image": _SECONDS,
    },
    "above": {
        "row": "A way to refine, from prompts to label map.",
        "pooled": "Pooled gain above the control, on the same images, in points.",
        "95 %": _INTERVAL,
        "next pair, 95 %": "Where the true difference on another pair of this kind is expected, in points.",
        "*": "Gain above the control on pair {name}, in points.",
    },
    "slopes": {
        "row": "A way to refine, from prompts to label map.",
        "about the image": "What is known of an image; its unit stands beside it.",
        "images": "How many it is known of.",
        "points per unit": "Change of the image's gain in mIoU for one unit more, in points, within pairs.",
        "95 %": _INTERVAL,
        "standardised": "The same in standard deviations of the gain for one standard deviation more.",
        "with the others kept": "The slope, in points per unit, with the other facts kept as they are.",
    },
    "shared_classes": {
        "class": "Of two pairs or more; its name tells it.",
        "pairs": "How many have it.",
        "*": "Gain of {name} in IoU of the class, in points: mean over the pairs, the smallest and the largest.",
    },
    "cost": {
        "row": "A way to refine, from prompts to label map.",
        "s/image": f"{_SECONDS} Mean over pairs.",
        "pooled gain": f"Random-effects mean over pairs of the row's gain, {_POINTS}.",
        "unbeaten": "yes where no row gains as much for less.",
    },
    "borders": {
        "pair": "A data set and a baseline.",
        "*": "Gain of {name} in Boundary IoU on the pair, in points.",
    },
    "facts": {
        "pair": "A data set and a baseline; it leads to the report of its run.",
        "no.": "Its number beside points in plots.",
        "data": "Data set and split.",
        "images": "How many were scored.",
        "classes": "How many the data set has.",
        "baseline": "The network whose label maps are refined.",
        "mIoU*": "Of the baseline, over the classes of the ground truth, in per cent.",
        "mIoU": "Of the baseline, over classes with a non-empty union, in per cent.",
        "SAM": "The promptable network.",
        "s/image": "Seconds per image of the whole run, all rows together.",
        "device": "What it was run on.",
        "shares images with": "Numbers of the pairs that have images of this one.",
    },
    "left_out": {
        "without": "The pair that is left out.",
        "*": f"Pooled gain of {{name}} over the other pairs, {_POINTS}.",
    },
}
"""By kind of table and head of column; ``*`` is any other column, and ``{name}`` its head."""


def about_column(kind: str, head: str, further: Mapping[str, str] | None = None) -> str:
    """Return what a column is.

    Args:
        kind: Of the table, a key of `COLUMNS`.
        head: Of the column.
        further: What columns are that only this run has, by head: those of its metrics.

    Raises:
        KeyError: Nothing is known of it.
    """
    known = COLUMNS[kind]
    if head in known:
        return known[head]
    if further is not None and head in further:
        return further[head]
    return known["*"].replace("{name}", head)
