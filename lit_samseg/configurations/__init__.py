"""The configurations that the package has, found by their names from anywhere.

Importing this loads no torch, so that ``lit-samseg configs`` answers at once.
"""

from lit_samseg.configurations.shipped import CONFIGURATIONS, find_configuration, find_configurations

__all__ = ["CONFIGURATIONS", "find_configuration", "find_configurations"]
