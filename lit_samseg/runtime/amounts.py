"""How much is done at once where nobody said it, by what the machine has."""

import functools
import os
import sys

import torch
from lightning.pytorch.utilities import rank_zero_only

from lit_samseg.errors import InputError

_NETWORKS = 4 * 2**30
"""Memory that is left to the networks themselves: ViT-H has 2.5 GB of weights."""
_IMAGE = 2 * 2**30
"""What an image may take beside them: ViT-H's encoder takes less than half of it, and rows and regions come to it."""
_MOST_IMAGES = 8
"""A GPU is busy with fewer; more would only wait for the last one to be read."""
_MOST_READERS = 8


def images_at_once(device: torch.device) -> int:
    """Return how many images a device is given together: on a CPU, which gains nothing by more, one.

    On a GPU it follows from the card's whole memory, not from what is free: numbers may depend on it in their last
    bits, and shall not depend on what other programs do. It is a power of 2.
    """
    if device.type != "cuda":
        return 1
    room = torch.cuda.get_device_properties(device).total_memory - _NETWORKS
    fitting = max(1, min(_MOST_IMAGES, room // _IMAGE))
    return 1 << (int(fitting).bit_length() - 1)


def pictures_together(asked: int | None, device: torch.device) -> int:
    """Return how many pictures of a list are taken together: on a CPU, which encodes them one by one, four.

    Args:
        asked: How many somebody asked for.
        device: Where they are encoded.

    Raises:
        InputError: That is none.
    """
    if asked is None:
        return images_at_once(device) if device.type == "cuda" else 4
    if asked < 1:
        raise InputError(f"batch_size is {asked}; it is a number of pictures, 1 or more")
    return asked


def readers(device: torch.device, processes: int) -> int:
    """Return how many processes read pictures ahead.

    Args:
        device: What they are read for. Beside a CPU that computes, two are enough.
        processes: How many on this machine have readers of their own.
    """
    if device.type != "cuda":
        return 2
    # One core launches the work.
    return max(1, min(_MOST_READERS, _cores() // processes - 1))


def threads_beside(device: torch.device, most: int) -> int:
    """Return how many threads do the host's work on finished images while the next ones are computed.

    Beside CUDA's GPUs that is all of them; of other devices nobody promises that threads may share one. A CPU's
    networks use as many cores as torch has threads, which wait for each other: one that shares its core with something
    else holds all up, and costs twice what is saved. So only cores that torch leaves free are used. By default there
    are some where a core runs two threads.

    Args:
        device: Where images are computed.
        most: As many as are of use.

    Returns:
        0 where the work is better done in turn.
    """
    if device.type == "cpu":
        return max(0, min(most, _cores() - torch.get_num_threads()))
    return most if device.type == "cuda" else 0


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
@rank_zero_only
def say_amounts(device: torch.device, images: int, processes: int) -> None:
    """Say once, on standard error, how many images a GPU is given together and how many processes read them."""
    properties = torch.cuda.get_device_properties(device)
    memory = properties.total_memory / 2**30
    ahead = f", read ahead by {_many(processes, 'process', 'es')}" if processes else ""
    print(
        f"lit-samseg: {properties.name} of {memory:.0f} GiB takes {_many(images, 'image')} at once{ahead}; "
        "--data.batch_size and --data.num_workers choose others",
        file=sys.stderr,
    )


def _many(count: int, what: str, plural: str = "s") -> str:
    return f"{count} {what}{'' if count == 1 else plural}"
