"""Files from the web: fetched once, resumed, checked; without a network, said where to put them."""

import os
from pathlib import Path

from filelock import FileLock

from lit_samseg.errors import InputError


def cache_folder() -> Path:
    """Return where downloaded weights lie: ``LIT_SAMSEG_CACHE``, else the user's cache folder of this system."""
    import pooch

    return Path(os.environ.get("LIT_SAMSEG_CACHE") or pooch.os_cache("lit_samseg")).expanduser()


def fetch(url: str, path: Path, known_hash: str, what: str) -> Path:
    """Return ``path``, downloading it from ``url`` if it is not there.

    What arrives is kept in ``NAME.part`` until its hash is right, so an interrupted download goes on where it stopped
    and a wrong file never gets the final name. Of several processes one downloads; the others wait for it.

    Args:
        url: An http(s) address.
        path: Where the file lies or shall lie.
        known_hash: ``sha256:...`` or ``sha1:...`` of the whole file.
        what: What the file is, for messages.

    Raises:
        InputError: It cannot be downloaded or is not the published file.
    """
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.is_file():
                _download(url, path, known_hash, what)
    except OSError as error:
        # requests' errors are OSErrors too.
        raise InputError(
            f"{what} could not be downloaded from {url} ({_reason(error)}); fetch it by hand and put it at {path}"
        ) from error
    return path


def _download(url: str, path: Path, known_hash: str, what: str) -> None:
    from pooch.hashes import hash_matches

    part = path.with_name(f"{path.name}.part")
    if part.is_file() and not hash_matches(part, known_hash):
        _append(url, part)
        if not hash_matches(part, known_hash):
            # Another file under the same address since, or a server that ignores where to go on.
            part.unlink()
    if not part.is_file():
        _append(url, part)
        if not hash_matches(part, known_hash):
            part.unlink()
            raise InputError(
                f"what {url} gives is not the published {what} (its hash is not {known_hash}); get the file elsewhere "
                f"and put it at {path}"
            )
    part.rename(path)


def _append(url: str, part: Path) -> None:
    """Add to ``part`` what it lacks."""
    import pooch
    import requests

    with part.open("ab") as file:
        headers = {"Range": f"bytes={file.tell()}-"} if file.tell() else {}
        downloader = pooch.HTTPDownloader(progressbar=True, chunk_size=2**20, headers=headers)
        try:
            downloader(url, file, None)
        except requests.HTTPError as error:
            # 416: there is nothing behind what we have.
            if error.response.status_code != 416:
                raise


def _reason(error: OSError) -> str:
    import requests

    if isinstance(error, requests.ConnectionError):
        # Its text is the whole chain of what was tried.
        return "no connection, or it broke off"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 160 else f"{lines[0][:160]}..."
