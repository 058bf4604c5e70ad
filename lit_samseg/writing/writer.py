"""What writes one kind of thing that a run leaves behind."""

from collections.abc import Collection, Sequence
from concurrent.futures import Future

from lit_samseg.data import Sample
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.writing.picture_folder import PictureFolder
from lit_samseg.writing.run_plan import RunPlan


class Writer:
    """Writes one kind of thing; a subclass overrides what it needs.

    `begin`, `add` for every image, `finish`, `publish` and `tell` are called in this order, on every process and of one
    writer after the other; whatever fails, `abort` takes the place of what is left, and `tell` follows. Nothing has its
    final name before `publish`.

    Args:
        run: The run.

    Attributes:
        pictures: The folder of the pictures it writes of every image, if it does.
    """

    pictures: PictureFolder | None = None

    def __init__(self, run: RunPlan) -> None:
        self.run = run

    def begin(self, kept: Collection[str]) -> None:
        """Be ready for the first image.

        Args:
            kept: Ids of images that an interrupted run finished; they do not come again, and their files stay.
        """

    def add(self, sample: Sample, maps: LabelMaps) -> Sequence[Future[None]]:
        """Take an image, and return what is still being written of it.

        Args:
            sample: The image and, in a test, its ground truth.
            maps: What it came to.
        """
        return ()

    def finish(self) -> None:
        """The last image was added: wait until all is written, or raise the first error."""

    def publish(self) -> None:
        """Give what was written its final name; every process has finished."""

    def abort(self, keep: bool) -> None:
        """End at once.

        Args:
            keep: Leave what was written to a run that goes on; otherwise remove it.
        """

    def tell(self) -> None:
        """Print where things are that were published: all else is done, and who reads may stop in the middle."""
