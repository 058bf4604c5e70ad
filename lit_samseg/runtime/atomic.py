"""A file appears under its final name whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ESTALE)
"""What a disk answers that does not take a file; libraries lay errors of their own over it."""


_DRAFT = ".draft-"

_LITTLE = 2**16
"""Bytes: a disk with less is full."""


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block succeeds, delete it if not.

    The parent folder is made. The temporary name keeps the suffix, since writers choose formats by it; for
    the rest it is short, since a file's name may be as long as names can be.

    Raises:
        OSError: The disk does not take it; the error names ``path``, whatever library met it.
    """
    draft: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_DRAFT, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        draft = Path(name)
        yield draft
        # mkstemp makes private files; a result is readable like any other.
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(0o666 & ~mask)
        draft.replace(path)
    except Exception as error:
        refusal = _refusal(error, path)
        if refusal is None:
            raise
        raise refusal from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _refusal(error: Exception, path: Path) -> OSError | None:
    """Find the disk's answer in an error, or in those that were being handled when it came up, and name the file."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            name = None if cause.filename is None else os.path.basename(os.fsdecode(cause.filename))
            if cause.errno in _REFUSALS if name is None else name.startswith(_DRAFT):
                return OSError(cause.errno, cause.strerror, str(path))
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, OSError) and error.errno is None:
        # Pillow's, which does not say why.
        if shutil.disk_usage(path.parent).free < _LITTLE:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return OSError(errno.EIO, str(error), str(path))
    return None
