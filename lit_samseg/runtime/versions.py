"""Versions of what decides a number."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

_DISTRIBUTIONS = (
    "lit_samseg",
    "torch",
    "torchvision",
    "lightning",
    "torchmetrics",
    "transformers",
    "segment_anything",
    "timm",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "safetensors",
    "scikit-image",
    "scipy",
)


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide a number; a missing one is left out."""
    found = {name: _version(name) for name in _DISTRIBUTIONS}
    return {"python": python_version()} | {name: number for name, number in found.items() if number is not None}


@cache
def _version(distribution: str) -> str | None:
    """Return a version, or None: importlib reads a file for each, and a run asks twice."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
