"""The loggers that can show pictures, and how each is given one.

Lightning's classes import their packages only when one is made, so that looking for them here costs no import.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from numpy.typing import NDArray

PictureLogger = TensorBoardLogger | WandbLogger | MLFlowLogger


def find_picture_loggers(loggers: Iterable[Logger]) -> list[PictureLogger]:
    """Return those of a trainer's loggers that `log_picture` knows."""
    return [logger for logger in loggers if isinstance(logger, PictureLogger)]


def log_picture(logger: PictureLogger, name: str, picture: NDArray[np.uint8], step: int) -> None:
    """Send a picture.

    TensorBoard and W&B keep one per name and step; MLflow keeps the last as the artifact ``<name>.png``, always under
    the same path, which its charts by step would not have.

    Args:
        logger: On the first process; Lightning's are mute on others.
        name: With ``/`` between a group and the picture's own name.
        picture: RGB, uint8 ``[H, W, 3]``.
        step: The trainer's.
    """
    if isinstance(logger, WandbLogger):
        logger.log_image(key=file_name(name), images=[picture], step=step)
        return
    # Typed only where the logger's package is installed.
    experiment: Any = logger.experiment
    if isinstance(logger, TensorBoardLogger):
        experiment.add_image(name, picture, step, dataformats="HWC")
    else:
        experiment.log_image(logger.run_id, picture, artifact_file=f"{file_name(name)}.png")


def file_name(name: str) -> str:
    """Return a name that is a file's on every system and in a URL, as MLflow and W&B need it.

    What is no letter, digit, ``_``, ``.``, ``-``, space or ``/`` becomes its code between two ``~``: ``a+b`` is
    ``a~2b~b``. Different names stay different.
    """
    return re.sub(r"[^\w./ -]", lambda found: f"~{ord(found[0]):x}~", name)
