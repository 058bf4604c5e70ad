"""Formats that have an outline for each object: COCO, YOLO, LabelMe and CVAT."""
