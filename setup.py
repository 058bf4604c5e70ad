"""Puts ``configs`` into the wheel, as ``lit_samseg/configs``; all else is in pyproject.toml.

An editable installation and a checkout have the folder beside the package, see ``lit_samseg/configurations``.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigurations(build_py):
    """Copies the configurations beside the modules that are built."""

    def run(self) -> None:
        """Build the modules, then copy."""
        super().run()
        if self.editable_mode:
            return
        built = Path(self.build_lib, "lit_samseg", "configs")
        # One that was taken away since the last build must not travel.
        shutil.rmtree(built, ignore_errors=True)
        shutil.copytree("configs", built, ignore=lambda _, names: [n for n in names if not n.endswith(".yaml")])


setup(cmdclass={"build_py": BuildWithConfigurations})
