"""Pixels of a predicted label map that are no class."""

VOID = -1
"""What a label map ``[H, W]`` has where it is no class: unlike 255 it can be none, however many classes there are.

Files say it in a number of their own (``Baseline.ignore_index``). Such pixels are never prompted. Scores count them as
wrong for the class that is there, and as a prediction of none. The ground truth's void is another thing: its value is
``SegmentationDataModule.ignore_index``, and its pixels count nowhere.
"""
