"""The images of each pair of a study that recipes are tuned on, and those that they are reported on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lit_samseg.cli.configured_data import make_data
from lit_samseg.data import SegmentationDataModule
from lit_samseg.data.subset import draw_subset, read_ids
from lit_samseg.errors import InputError
from lit_samseg.results.run_tables import count
from lit_samseg.search.words import TUNED_ON, Leave
from lit_samseg.study.plan import SEARCH, Pair

_KEYS = ("tune", "report", "group")


@dataclass(frozen=True)
class PairImages:
    """A pair and its images.

    Attributes:
        pair: The pair.
        group: Pairs of one group are of one data set.
        has_background: Whether it has a background class.
        tune: Ids of the images that recipes are tuned on.
        report: Ids of those that the pair's own recipe is reported on.
        keys: What tells an image from all others, by id.
        dropped: How many of those asked for are not in ``report``, since the pair's recipe is tuned on them.
    """

    pair: Pair
    group: str
    has_background: bool
    tune: Sequence[str]
    report: Sequence[str]
    keys: Mapping[str, tuple[str, str]]
    dropped: int = 0

    def left_out(self, leave: Leave) -> str:
        """Return the name of what the pair's recipe is tuned without."""
        return self.group if leave == "dataset" else self.pair.name


def images_of(pair: Pair, seed: int) -> PairImages:
    """Choose a pair's images, and check that their files are there.

    Args:
        pair: Under ``search`` it may say ``tune`` and ``report``, each a number of images or one or more lists of ids,
            and the name of a ``group``.
        seed: Of the images that are drawn.

    Raises:
        InputError: The data set or a list has a fault; the message names the pair.
    """
    try:
        return _images_of(pair, seed)
    except InputError as error:
        raise InputError(f"pair {pair.name!r}: {error}") from error


def _images_of(pair: Pair, seed: int) -> PairImages:
    unknown = [str(key) for key in pair.search if key not in _KEYS]
    if unknown:
        raise InputError(f"{SEARCH} has {unknown[0]!r}; it may have {', '.join(_KEYS)}")
    data = _data(pair)
    available = data.ids
    tune, report = (
        _ids(key, pair.search.get(key, default), available, seed)
        for key, default in (("tune", TUNED_ON), ("report", None))
    )
    if not {*tune, *report} <= set(available):
        # A list may name images that the configuration does not.
        missing = [i for i in (*tune, *report) for path in data.files(i, with_target=True) if not path.is_file()]
        if missing:
            raise InputError(f"{SEARCH}: {missing[0]} has no file; take it out of the list of ids")
    keys = {image: (data.name, data.image_key(image)) for image in (*tune, *report)}
    group = str(pair.search.get("group", data.name))
    return PairImages(pair, group, data.background is not None, tune, report, keys)


def _data(pair: Pair) -> SegmentationDataModule:
    given: Any = pair.options["data"]
    data = make_data({"class_path": given} if isinstance(given, str) else given, "its data set")
    data.setup("test")
    return data


def _ids(key: str, asked: Any, available: Sequence[str], seed: int) -> list[str]:
    """Return the ids that are asked for, sorted."""
    if asked is None:
        return list(available)
    if isinstance(asked, int) and not isinstance(asked, bool) and asked > 0:
        return draw_subset(available, min(asked, len(available)), seed)
    files = asked if isinstance(asked, list) else [asked]
    if not files or not all(isinstance(file, str) for file in files):
        raise InputError(f"{SEARCH}.{key} is {asked!r}; give a number of images, or a file with a list of ids")
    return sorted({image for file in files for image in read_ids(Path(file).expanduser())})


def without_tuned(pairs: Sequence[PairImages], leave: Leave) -> list[PairImages]:
    """Take out of each pair's reported images those that its recipe is tuned on by way of another pair.

    Raises:
        InputError: A pair has no other.
    """
    return [_without(own, [other for other in pairs if other.left_out(leave) != own.left_out(leave)]) for own in pairs]


def _without(own: PairImages, others: Sequence[PairImages]) -> PairImages:
    tuned = {other.keys[image] for other in others for image in other.tune}
    report = [image for image in own.report if own.keys[image] not in tuned]
    if not report:
        raise InputError(
            f"pair {own.pair.name!r}: its recipe is tuned on all of its {count(len(own.report), 'image')}, since other "
            f"pairs hold them too; give {SEARCH}: {{tune: N}} with fewer, or --leave dataset"
        )
    return replace(own, report=report, dropped=len(own.report) - len(report))


def check_parted(pairs: Sequence[PairImages], leave: Leave) -> None:
    """See that there is something to tune on for each pair.

    Raises:
        InputError: All pairs would be left out together.
    """
    if len({pair.left_out(leave) for pair in pairs}) > 1:
        return
    if len(pairs) == 1:
        raise InputError("the study has one pair; a recipe is tuned on others than it is reported on, so add one")
    raise InputError(
        f"all pairs are of one data set, {pairs[0].group}, and a recipe is tuned without the data set that it is "
        f"reported on; add a pair of another, tell them apart by {SEARCH}: {{group: NAME}}, or give --leave pair"
    )
