"""What is evaluated on: images in a fixed order, warm-up first, and the baseline that goes with them."""

from lit_samseg.baselines import Baseline, MobileNetV2DeepLab
from lit_samseg.data import VOC2012, Scenes, SegmentationDataModule
from lit_samseg.errors import InputError

from .blobs import Blobs, BlobsBaseline
from .job import Job


def load_data(job: Job) -> SegmentationDataModule:
    """Return the job's data module: ``images`` images drawn as ``--data.subset`` draws them."""
    if job.blobs is not None:
        return Blobs(job.blobs, job.images + job.warmup, job.images, job.batch)
    if job.root is not None:
        return VOC2012(root=job.root, subset=job.images, batch_size=job.batch)
    return Scenes(size=max(100, job.images + job.warmup), subset=job.images, batch_size=job.batch)


def load_baseline(job: Job) -> Baseline:
    """Return the job's baseline."""
    return MobileNetV2DeepLab(job.baseline) if job.blobs is None else BlobsBaseline(job.blobs)


def put_warm_up_first(data: SegmentationDataModule, count: int) -> None:
    """Put the first images of the split that were not drawn before those that were.

    Args:
        data: After ``setup``.
        count: How many.

    Raises:
        InputError: The split has not so many images.
    """
    drawn = set(data.ids)
    extra = [image_id for image_id in sorted(data.find_ids()) if image_id not in drawn][:count]
    if len(extra) < count:
        raise InputError(
            f"the split has {len(drawn) + len(extra)} images, which is too few for --images {len(drawn)} and "
            f"--warmup {count}"
        )
    data.ids = [*extra, *data.ids]
