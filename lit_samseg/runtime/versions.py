"""Versions of what decides a number."""

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
    found = {"python": python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
