"""Can a promptable segmentation model such as SAM improve semantic segmentation?

Importing the package is cheap: torch and Lightning are loaded by the parts that need them.
"""

from lit_samseg.version import __version__

__all__ = ["__version__"]
