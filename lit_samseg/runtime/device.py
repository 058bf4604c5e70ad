"""Where networks compute, as a caller says it."""

import torch

from lit_samseg.errors import InputError


def find_device(name: str | torch.device | None) -> torch.device:
    """Return a device that torch has.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1``, ...; None takes a GPU if there is one.

    Raises:
        InputError: It is no device, or not there.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise InputError(f"device is {name!r}; it is cpu, cuda, cuda:1, ... or mps") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {str(device)!r}, but torch finds no such GPU; use cpu")
    return device
