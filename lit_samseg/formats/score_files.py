"""Files of class scores, ``.npy`` and ``.npz``: arrays alone, nothing in them is run."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.formats.scores import ScoreKind, ScoreLayout, as_logits, axes_of
from lit_samseg.runtime.atomic import atomic_file

SCORE_SUFFIXES = (".npz", ".npy")
ARRAYS = ("logits", "scores", "probabilities", "softmax")
"""What the array of scores is called in a ``.npz`` that has several; the first that is there is read."""

# What NumPy stumbles over in damaged files.
_DAMAGE = (OSError, ValueError, EOFError, KeyError, MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error)


def read_scores(path: Path, num_classes: int | None, kind: ScoreKind = "auto", layout: ScoreLayout = "chw") -> Tensor:
    """Read class scores as logits, float32 ``[C, h, w]``.

    Args:
        path: A ``.npy``; or a ``.npz`` that holds one array, or one of the names in `ARRAYS`.
        num_classes: C; None for any number.
        kind: As for `lit_samseg.formats.scores.as_logits`.
        layout: As for `lit_samseg.formats.scores.axes_of`.

    Raises:
        InputError: There is no such file, it is broken, or holds no such scores.
    """
    name, array = f"scores {path}", _read_array(path)
    axes = axes_of(array.shape, num_classes, layout, name)
    lone = tuple({*range(array.ndim)} - {*axes})
    ordered = array.transpose(*axes, *lone).reshape([array.shape[axis] for axis in axes])
    return as_logits(ordered, kind, name)


def shape_of(path: Path) -> tuple[int, ...] | None:
    """Return the array's shape by the file's first bytes; None where they tell none: `read_scores` says why."""
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return _shape_in_header(file)
        with zipfile.ZipFile(path) as archive:
            name = _chosen([Path(entry).stem for entry in archive.namelist()], path)
            with archive.open(f"{name}.npy") as entry:
                return _shape_in_header(entry)
    except (*_DAMAGE, InputError):
        return None


def write_scores(path: Path, logits: NDArray[Any]) -> None:
    """Write class scores ``[C, h, w]`` as a compressed ``.npz``; the bytes depend on nothing else."""
    with atomic_file(path) as draft:
        np.savez_compressed(draft, logits=logits)


def _read_array(path: Path) -> NDArray[Any]:
    try:
        # Opened here, since NumPy leaves damaged files open.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                return np.asarray(loaded)
            with loaded:
                return np.asarray(loaded[_chosen(loaded.files, path)])
    except FileNotFoundError as error:
        raise InputError(f"no such file of scores: {path}") from error
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(
            f"{path} cannot be read as scores ({reason}); write it by numpy.savez(path, logits=array)"
        ) from error


def _chosen(names: list[str], path: Path) -> str:
    known = [name for name in ARRAYS if name in names]
    if len(names) == 1 or known:
        return known[0] if known else names[0]
    there = f"the arrays {', '.join(sorted(names))}" if names else "no array"
    raise InputError(f"{path} holds {there}; name that of the scores {', '.join(ARRAYS[:-1])} or {ARRAYS[-1]}")


def _shape_in_header(file: IO[bytes]) -> tuple[int, ...]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return tuple(read(file)[0])
