"""Can a promptable segmentation model such as SAM improve semantic segmentation? Measured.

Importing this package stays light: torch and the model libraries load with the rooms that need them.
"""

from typing import TYPE_CHECKING, Any

from lit_samseg.errors import InputError
from lit_samseg.version import __version__

if TYPE_CHECKING:
    from lit_samseg.refiner import Refinement, Refiner

__all__ = ["InputError", "Refinement", "Refiner", "__version__"]


def __getattr__(name: str) -> Any:
    if name in ("Refinement", "Refiner"):
        import lit_samseg.refiner

        return getattr(lit_samseg.refiner, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
