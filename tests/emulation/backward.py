"""Lets autograd run on the emulated device, whose streams it would otherwise wait for.

Before a backward pass the engine asks the device's hooks, in C++, for which devices a context is open, and remembers
the current stream of each. There is none here. The answer to its question, and to no other, is replaced for a while.
The pass runs in the thread that asked for it: the engine's threads for devices would outlive the emulation.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

KNOWN = ("2.14.",)
"""Versions of PyTorch in whose table the function stands at `HAS_CONTEXT`; a wrong place could crash the process."""
HAS_CONTEXT = 4
"""Where ``AcceleratorHooksInterface::hasPrimaryContext`` stands among the hooks' functions."""
FUNCTIONS = 256
"""More than the hooks have."""
HEAD = 2
"""Entries before the functions: the offset to the object's top, and its type."""
LIBRARY = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"

_no_context = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_int8)(lambda hooks, index: False)


def why_no_backward() -> str | None:
    """Return why autograd cannot run on the emulated device, or None."""
    if torch.__version__.startswith(KNOWN) and torch.version.cuda and LIBRARY.exists():
        return None
    return f"the hooks of PyTorch {torch.__version__} on this platform are not known"


@contextmanager
def without_streams() -> Iterator[None]:
    """Have autograd look for no stream, where that is possible."""
    if why_no_backward() is not None:
        yield
        return
    # Before there is a device: the engine counts them once.
    torch.ones((), requires_grad=True).backward()
    get_hooks = ctypes.CDLL(str(LIBRARY))["_ZN2at6detail12getCUDAHooksEv"]
    get_hooks.restype = ctypes.c_void_p
    hooks = ctypes.cast(get_hooks(), ctypes.POINTER(ctypes.c_size_t))
    before, entry = hooks[0], ctypes.sizeof(ctypes.c_size_t)
    table = (ctypes.c_size_t * (HEAD + FUNCTIONS))()
    ctypes.memmove(table, before - HEAD * entry, ctypes.sizeof(table))
    table[HEAD + HAS_CONTEXT] = ctypes.cast(_no_context, ctypes.c_void_p).value or 0
    hooks[0] = ctypes.addressof(table) + HEAD * entry
    try:
        with torch.autograd.set_multithreading_enabled(False):
            yield
    finally:
        hooks[0] = before
