"""The words of small trainings of the built-in networks, and what they leave behind."""

import csv
from collections.abc import Callable
from pathlib import Path

from lit_samseg.finetune import SamRefinerFinetune
from tests.conftest import PROJECT

CONFIG = PROJECT / "configs" / "demo_finetune.yaml"
# No noise and no corruption: the same questions in each epoch, so that the loss says what was learnt.
PLAIN = ("--model.noise", 0, "--model.truth", 0, "--model.jitter", 0, "--data.training.views", 1)
STEADY = ("--optimizer", "SGD", "--optimizer.lr", 0.002, "--lr_scheduler", "ConstantLR", "--lr_scheduler.factor", 1)
SMALL = ("--data.subset", 2, "--data.training.subset", 4, "--data.training.batch_size", 2)
SGD = ("--config", CONFIG, *SMALL, *PLAIN, *STEADY)
Make = Callable[..., SamRefinerFinetune]


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open() as file:
        return list(csv.DictReader(file))
