"""Names in the folder that ``lit-samseg refine`` writes, and of what it reads; plain text, so that help is quick."""

MASKS, REVIEW = "masks", "review"

FORMATS = ("index", "colours", "binary", "per-class", "cityscapes", "coco", "yolo", "labelme", "cvat")
"""Forms of masks, as `lit_samseg.formats` reads and writes them."""
