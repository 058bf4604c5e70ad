"""What refined masks were begun with: who goes on in another way would have masks of two kinds in one folder."""

import json
from collections.abc import Mapping
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.runtime.atomic import atomic_file
from lit_samseg.runtime.code_digest import code_digest

FILE = "refine.json"

_CODE, _DEVICE = "code", "device"

_FREE = ("out", "resume", "device")
"""Options with which the same masks are made; what a device is found to be is compared itself."""


def options_that_count(given: Mapping[str, object]) -> dict[str, object]:
    """Return what decides what is written, as JSON has it: options, whose paths are whole, and the program's code."""
    known = {name: value for name, value in given.items() if name not in _FREE}
    whole = {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in known.items()}
    found: dict[str, object] = json.loads(json.dumps(whole, default=str))
    return found | {_CODE: code_digest(())}


def with_device(options: Mapping[str, object], device: str | None) -> dict[str, object]:
    """Add what computes: kinds of devices, and cards, round differently."""
    from lit_samseg.runtime.device import device_name, find_device

    found = find_device(device)
    return {**options, _DEVICE: f"{found.type} ({device_name(found)})"}


def check_the_same(out: Path, options: Mapping[str, object], device: str | None) -> None:
    """Compare options with those that a folder was begun with; there may be none yet.

    Args:
        out: The folder.
        options: Those of `options_that_count`.
        device: ``--device``.

    Raises:
        InputError: They differ, or nobody can tell.
    """
    path = out / FILE
    try:
        before = dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}); give another --out") from error
    options = with_device(options, device)
    differing = [name for name in {**before, **options} if before.get(name) != options.get(name)]
    if _CODE in differing and set(differing) <= {_CODE, _DEVICE}:
        raise InputError(f"{out} was begun by another version of the program; give another --out")
    if differing:
        name = differing[0]
        raise InputError(
            f"{out} was begun with {name} {before.get(name)!r}, not {options.get(name)!r}; go on with that, or give "
            "another --out"
        )


def take_down(out: Path, options: Mapping[str, object], device: str | None) -> None:
    """Write what a folder is begun with, ``refine.json``; see `check_the_same`."""
    with atomic_file(out / FILE) as draft:
        draft.write_text(json.dumps(with_device(options, device), indent=1), encoding="utf-8")
