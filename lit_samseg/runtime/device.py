"""Where networks compute, as a caller says it."""

import torch

from lit_samseg.errors import InputError


def find_device(name: str | torch.device | None) -> torch.device:
    """Return a device that torch has.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1``, ...; None takes an NVIDIA GPU if there is one.

    Raises:
        InputError: It is no device, not there, or one that cannot be used.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise InputError(f"device is {name!r}; it is cpu, cuda, cuda:1, ...") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {str(device)!r}, but torch finds no such GPU; use cpu")
    check_device(device)
    return device


def check_device(device: torch.device) -> None:
    """Refuse what would give other numbers.

    Raises:
        InputError: The device has no float64.
    """
    if device.type == "mps":
        raise InputError(
            "device is mps, and Apple's GPUs have no float64, in which equal overlaps are equal and ties are decided; "
            "use cpu (--device cpu, --trainer.accelerator cpu)"
        )


def device_name(device: torch.device) -> str:
    """Return what a GPU is called, or what a CPU can do: others round differently."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()


def accelerator(asked: str) -> str:
    """Return what Lightning is told where ``--trainer.accelerator`` says this: ``auto`` is no Apple GPU."""
    return "cpu" if asked == "auto" and torch.backends.mps.is_available() else asked
