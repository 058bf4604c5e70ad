"""Which classes a baseline takes for which: counted on any image, and on images that it was not trained on."""

from pathlib import Path

import torch
from torch import Tensor

from lit_samseg.checkpoints.trained_on import TrainedOn
from lit_samseg.data import SegmentationDataModule
from lit_samseg.data.digests import digest_of_pixels, global_key
from lit_samseg.data.subset import read_ids
from lit_samseg.errors import InputError
from lit_samseg.evaluation.predictor import Predictor
from lit_samseg.refine.cells import sample_nearest
from lit_samseg.sam.frame import Frame

SEEN_CELLS = 100
"""So many cells of each class are thought to be as in training, so that a class of a few cells is not known by them."""


def count_labels(target: Tensor, label_map: Tensor, frame: Frame, classes: int, ignore_index: int) -> Tensor:
    """Count how often each label stands in places of each class, at the cells of SAM's grid.

    Args:
        target: Ground truth, integer ``[H, W]``.
        label_map: The baseline's, likewise; below 0 is void.
        frame: The image's.
        classes: ``C``.
        ignore_index: Void label of the ground truth.

    Returns:
        int64 ``[C, C]``, by class and label.
    """
    wanted = sample_nearest(target, frame).flatten().long()
    labels = sample_nearest(label_map, frame).flatten().long()
    told = (wanted != ignore_index) & (labels >= 0)
    return torch.bincount(wanted[told] * classes + labels[told], minlength=classes * classes).view(classes, classes)


def count_on_unseen(
    path: Path, data: SegmentationDataModule, predictor: Predictor, classes: int, ignore_index: int
) -> tuple[Tensor, TrainedOn]:
    """Count labels (`count_labels`) on the images of a list.

    Args:
        path: Ids of the data's split, one a line.
        data: Set up for a training; its own images are those that are validated on.
        predictor: Has the baseline, and SAM's frame.
        classes: ``C``.
        ignore_index: Void label of the ground truth.

    Returns:
        int64 ``[C, C]``, by class and label; and the images, which cannot be evaluated on any more.

    Raises:
        InputError: The list, an image or its label map cannot be used, or an image is trained or validated on.
    """
    ids = read_ids(path)
    assert data.training_data is not None, "setup for fit comes first"
    for part, what in ((data, "validated on"), (data.training_data, "trained on")):
        taken = {global_key(part, image_id) for image_id in part.ids}
        if both := [image_id for image_id in ids if global_key(data, image_id) in taken]:
            raise InputError(f"{len(both)} of the images in model.unseen are {what} (first: {both[0]}); give others")
    if foreign := sorted(set(ids) - set(data.find_ids())):
        raise InputError(f"model.unseen: {path} lists {foreign[0]}, which the split {data.split!r} does not have")
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    digests: dict[str, str | None] = {}
    for image_id in ids:
        sample = data.read(image_id, with_target=True)
        assert sample.target is not None, "read with it"
        context = predictor.set_image(sample.image, name=image_id)
        counts += count_labels(sample.target, context.label_map, context.frame, classes, ignore_index)
        digests[global_key(data, image_id)] = digest_of_pixels(sample.image)
    return counts, TrainedOn(digests)


def as_frequent(counts: Tensor, seen: Tensor) -> Tensor:
    """Return counts of labels with classes as frequent as in others.

    Args:
        counts: By class and label, ``[C, C]``.
        seen: Likewise, of the images whose classes' frequency counts; `SEEN_CELLS` cells of each class are as there.

    Returns:
        float32 ``[C, C]``.
    """
    wanted = seen.double().sum(1, keepdim=True)
    both = counts + SEEN_CELLS * seen.double() / wanted.clamp(min=1)
    return (both * (wanted / both.sum(1, keepdim=True).clamp(min=1e-9))).float()
