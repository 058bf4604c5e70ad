"""Masks of one file for each class of a picture: ``KEY/CLASS.png``, ``KEY_CLASS.png`` or ``CLASS/KEY.png``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lit_samseg.errors import InputError
from lit_samseg.formats.binary import YES
from lit_samseg.formats.interface import Classes, LabelMap, MaskSet, MaskWriter
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.naming import background_of, is_void, said_names
from lit_samseg.formats.pixels.binary_masks import could_be_binary
from lit_samseg.formats.pixels.forms import Form
from lit_samseg.formats.pixels.looks import MASK_SUFFIXES, Look, look_at_all, read_numbers
from lit_samseg.formats.pixels.places import check_mask_size, first_place, successors
from lit_samseg.formats.pixels.saving import save_numbers
from lit_samseg.formats.source import MaskSource
from lit_samseg.void import VOID


@dataclass(frozen=True)
class Layout:
    """Where the files of classes lie.

    Attributes:
        word: How they are named.
        files: By picture and class.
        place: The path, without suffix, of a picture's class.
    """

    word: str
    files: dict[str, dict[str, Path]]
    place: Callable[[str, str], str]

    @property
    def names(self) -> list[str]:
        """All classes, sorted."""
        return sorted({name for files in self.files.values() for name in files})


class ClassFileMasks(MaskSet):
    """Masks of one binary file for each class.

    Pixels that no file claims are of a class ``background``; where there are files of that name, they are void.

    Args:
        source: The masks.

    Raises:
        InputError: There are no such files, or one is not binary.
    """

    format = "per-class"

    def __init__(self, source: MaskSource) -> None:
        found = _layout(source)
        if found is None:
            raise InputError(
                f"masks {source.path}: there are no files KEY/CLASS.png, KEY_CLASS.png or CLASS/KEY.png for pictures "
                f"{in_words(source.keys)}; set --masks.format to what they are"
            )
        self.layout, self.source, options = found, source, source.options
        if options.mapping is not None or options.void not in ("auto", "none"):
            raise InputError("--masks.format per-class has no numbers: leave out --masks.mapping and --masks.void")
        self.looks = _looks(source)
        for path, look in self.looks.items():
            if not could_be_binary({path: look}):
                raise InputError(f"mask {path} is not binary, as a file of one class is: save it with 0 and 255")
        self._all_zero = max((max(look.found) for look in self.looks.values()), default=YES) or YES
        files = [name for name in found.names if not is_void(name)]
        self.void_files = [name for name in found.names if is_void(name)]
        said = said_names(options.classes)
        if said is not None and not isinstance(options.classes, int):
            unknown = [name for name in files if name not in said]
            if unknown:
                raise InputError(f"--masks.classes lack {in_words(unknown)}, of which there are files in {source.path}")
            files = list(said)
        self.has_rest = background_of(files, "auto") is None
        names = ("background", *files) if self.has_rest else tuple(files)
        background = background_of(names, options.background)
        self.classes = Classes(names, tuple(range(len(names))), None, None, background, True)

    @property
    def keys(self) -> Sequence[str]:
        """The names of pictures that have a file."""
        return sorted(self.layout.files)

    def files(self, key: str) -> list[Path]:
        """Return the files of a picture's classes."""
        return list(self.layout.files[key].values())

    def read(self, key: str, height: int, width: int) -> LabelMap:
        """Read a picture's masks; see `MaskSet.read`."""
        labels = np.full((height, width), 0 if self.has_rest else VOID, np.int32)
        claimed = np.zeros((height, width), bool)
        for name, path in self.layout.files[key].items():
            numbers = read_numbers(path, self.looks[path].form)
            check_mask_size(numbers.shape, height, width, path)
            mask = numbers > 0
            if (claimed & mask).any():
                raise InputError(
                    f"mask {path} claims the pixel at {first_place(claimed & mask)}, and so does another class's "
                    f"({in_words([other.name for other in self.files(key) if other != path])}); a pixel has one "
                    "class: set --masks.suffix if these are no classes"
                )
            claimed |= mask
            labels[mask] = VOID if is_void(name) else self.classes.names.index(name)
        return LabelMap(labels)

    def writer(self, folder: Path) -> MaskWriter:
        """Return what writes such masks."""
        return ClassFileWriter(self, folder)

    def why_void(self) -> str:
        """Say which pixels are void."""
        return "pixels that neither a class's nor the background's file claims are void; see that no class's is missing"

    def understood(self) -> list[str]:
        """Say how files are named, and what becomes of pixels that none claims."""
        rest = "background" if self.has_rest else "void"
        lines = [f"per-class: {self.layout.word}; pixels that no file claims are {rest}"]
        others = [path.name for path in self.source.ending_in(*MASK_SUFFIXES) if path not in self.looks]
        return [*lines, f"{counted(len(others), 'file')} left out ({in_words(others)})"] if others else lines

    def yes(self, path: Path | None) -> tuple[Form, int]:
        """Return the form of a class's file, and what it has where the class is."""
        look = next(iter(self.looks.values())) if path is None else self.looks[path]
        return look.form, 1 if look.form.mode == "1" else max(look.found) or self._all_zero


class ClassFileWriter(MaskWriter):
    """Writes masks as `ClassFileMasks` were; a class that a picture had no file of gets one when it is there."""

    def __init__(self, masks: ClassFileMasks, folder: Path) -> None:
        self.masks, self.folder = masks, folder
        self.places = successors(masks.looks, masks.source, folder)

    def write(self, key: str, masks: LabelMap) -> None:
        """Write a picture's masks; see `MaskWriter.write`."""
        known = self.masks.layout.files[key]
        shown = self._areas(key, masks.labels)
        # Files that it had before come last: when they are there, all are.
        for name in sorted(shown.keys() | known.keys(), key=lambda name: (name in known, name)):
            path = known.get(name)
            mask = shown.get(name, np.zeros(masks.labels.shape, bool))
            if path is None and not mask.any():
                continue
            form, yes = self.masks.yes(path)
            place = self.folder / f"{self.masks.layout.place(key, name)}.png" if path is None else self.places[path]
            save_numbers(place, mask.astype(np.int32) * yes, Form() if path is None else form)

    def _areas(self, key: str, labels: NDArray[np.int32]) -> dict[str, NDArray[np.bool_]]:
        masks = self.masks
        void = labels == VOID
        if void.any() and masks.has_rest and not masks.void_files:
            raise InputError(
                f"{self.folder}: {key} is void at {first_place(void)}, for which these masks have no file; have a "
                "class named void among them"
            )
        names = {
            number: name for number, name in enumerate(masks.classes.names) if not (masks.has_rest and number == 0)
        }
        areas = {name: labels == number for number, name in names.items()}
        return {**areas, **dict.fromkeys(masks.void_files[:1], void)}

    def is_written(self, key: str) -> bool:
        """Tell whether all files are there that the picture had before; they are written last."""
        return all(self.places[path].is_file() for path in self.masks.files(key))


def look_like_class_files(source: MaskSource) -> str | None:
    """Tell whether files are named by pictures and classes, and are binary."""
    layout = _layout(source)
    if layout is None or not could_be_binary(_looks(source)):
        return None
    return f"{layout.word}, each binary"


@lru_cache(maxsize=1)
def _looks(source: MaskSource) -> Mapping[Path, Look]:
    layout = _layout(source)
    assert layout is not None, "it was asked for"
    return look_at_all(path for files in layout.files.values() for path in files.values())


@lru_cache(maxsize=1)
def _layout(source: MaskSource) -> Layout | None:
    """Return how files are named by pictures and classes; None if they are not, or if one alone may be a mask."""
    files = {source.relative(path).with_suffix("").as_posix(): path for path in source.ending_in(*MASK_SUFFIXES)}
    said = source.options.format == "per-class"
    if source.options.suffix is not None or source.options.pairs is not None:
        return None
    if not said and any(key in files for key in source.keys):
        return None
    keys = set(source.keys)
    layouts = (
        Layout("KEY/CLASS", _split(files, keys, _behind("/")), "{}/{}".format),
        Layout("KEY_CLASS", _split(files, keys, _behind("_")), "{}_{}".format),
        Layout("CLASS/KEY", _split(files, keys, _in_front), lambda key, name: f"{name}/{key}"),
    )
    for layout in layouts:
        # One class alone is what all names end in.
        several = len(layout.names) > 1 and any(len(some) > 1 for some in layout.files.values())
        if several or (layout.files and (said or layout.word == "KEY/CLASS")):
            return layout
    return None


def _split(
    files: Mapping[str, Path], keys: set[str], parts: Callable[[str, set[str]], tuple[str, str] | None]
) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {}
    for stem, path in files.items():
        both = parts(stem, keys)
        if both is not None:
            found.setdefault(both[0], {})[both[1]] = path
    return found


def _behind(mark: str) -> Callable[[str, set[str]], tuple[str, str] | None]:
    def parts(stem: str, keys: set[str]) -> tuple[str, str] | None:
        places = [place for place, letter in enumerate(stem) if letter == mark]
        for place in reversed(places):
            if stem[:place] in keys and "/" not in stem[place + 1 :]:
                return stem[:place], stem[place + 1 :]
        return None

    return parts


def _in_front(stem: str, keys: set[str]) -> tuple[str, str] | None:
    name, _, key = stem.partition("/")
    return (key, name) if key in keys else None
