"""Memory that a process has freed stays its own, so that it is not cleared again for every large tensor."""

import ctypes
import platform
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
KEPT_BYTES = 2**30
"""Free memory at the heap's end beyond this goes back to the system."""


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to reuse large blocks of memory in this process instead of returning them.

    A network on a CPU allocates and frees hundreds of blocks of megabytes for each image. By default each comes fresh
    from the kernel, which clears it page by page: of MobileSAM's encoder that is a third of the time (two cores, 0.88 s
    an image, 0.60 s with this). It is for a process whose work is a run. It costs memory: up to `KEPT_BYTES` that would
    be free in between, and glibc holds the first few blocks of a size apart before it uses them again (100 MB in all
    with MobileSAM).

    Returns:
        Whether it was done; other allocators than glibc's are left alone.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        # No block has a mapping of its own; the heap's end is trimmed late.
        return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES))
    return False
