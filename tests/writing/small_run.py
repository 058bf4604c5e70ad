"""Runs over four small images without a Trainer: what Lightning would call is called by hand."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import yaml

from lit_samseg.baselines import Precomputed
from lit_samseg.data import VOC2012
from lit_samseg.module import SamSegEvaluation
from lit_samseg.writing import RunOutput, RunPlan, Writer, writers_of_run
from tests.conftest import SmallVoc
from tests.refine.fake_sam import BoxFillingSam

ROWS = ["box@component"]
OPTIONS = {
    "data": {"class_path": "lit_samseg.data.VOC2012", "init_args": {"subset": None, "batch_size": 1}},
    "model": {
        "class_path": "lit_samseg.module.SamSegEvaluation",
        "init_args": {"variants": ROWS, "analysis": True, "sam": {"init_args": {"precision": "fp32"}}},
    },
    "seed_everything": 0,
}
"""What `RunPlan.config` says, as far as a test changes it."""


class SmallRun(NamedTuple):
    """Makes the same run again and again, as processes do that go on with each other's.

    Attributes:
        voc: The images and label maps.
        folder: The output folder.
        command: ``test`` or ``predict``.
    """

    voc: SmallVoc
    folder: Path
    command: Literal["test", "predict"] = "test"

    def plan(self, batch_size: int = 1, on_error: Any = "raise", save: bool = True, **changes: Any) -> RunPlan:
        """Return the plan of a run with networks and data of its own.

        Args:
            batch_size: Images in a batch.
            on_error: What is done with images that cannot be read.
            save: Write label maps.
            changes: Fields of the plan that differ.
        """
        data = VOC2012(str(self.voc.root), num_workers=0, batch_size=batch_size, on_error=on_error)
        data.setup(self.command)
        facts = {"class_names": data.class_names, "background": data.background, "ignore_index": data.ignore_index}
        module = SamSegEvaluation(
            Precomputed(str(self.voc.coarse)), BoxFillingSam(), list(ROWS), save_predictions=save, **facts
        )
        self.folder.mkdir(exist_ok=True)
        plan = RunPlan(self.command, self.folder, yaml.safe_dump(OPTIONS), data, module, torch.device("cpu"))
        return replace(plan, **changes)

    def run(
        self,
        images: int | None = None,
        *,
        resume: bool = False,
        overwrite: bool = False,
        error: type[BaseException] = KeyboardInterrupt,
        plan: RunPlan | None = None,
        writers: Callable[[RunPlan], Sequence[Writer]] | None = None,
        **chosen: bool,
    ) -> RunPlan:
        """Run, or raise an error when so many images are done.

        Args:
            images: So many, or None for all; with a plan that stops early the run ends well after them.
            resume: As the option.
            overwrite: As the option.
            error: What is raised.
            plan: Another than `plan` makes.
            writers: Makes others than `writers_of_run` does.
            chosen: Its options.
        """
        plan = self.plan() if plan is None else plan
        chosen = ({"report": False} if plan.command == "test" else {}) | chosen
        made = writers_of_run(plan, **chosen) if writers is None else writers(plan)
        output = RunOutput(plan, made, resume, overwrite)
        try:
            output.open()
            output.begin()
            evaluate(plan, output, images, error)
            output.finish()
            # As the module does at the end of Lightning's loop.
            plan.module.counting.cancel()
            output.publish()
        except BaseException:
            output.abort()
            raise
        return plan


def evaluate(plan: RunPlan, output: RunOutput, images: int | None, error: type[BaseException]) -> None:
    """Do what Lightning's loop does between begin and finish."""
    data, module = plan.data, plan.module
    test = plan.command == "test"
    if test:
        module.counting.begin(plan.device)
    left = len(data.ids) if images is None else images
    for batch in data.test_dataloader() if test else data.predict_dataloader():
        samples = data.on_before_batch_transfer(batch, 0)
        if samples and left < len(samples):
            if plan.stopped_by is not None:
                return
            raise error("of the test")
        left -= len(samples)
        output.add(samples, module.evaluate(samples) if test else module.label_maps(samples))


def with_option(path: str, value: Any) -> str:
    """Return the configuration with one option changed.

    Args:
        path: Its name with dots.
        value: Its value.
    """
    options = copy.deepcopy(OPTIONS)
    *way, last = path.split(".")
    inner: Any = options
    for name in way:
        inner = inner[name]
    inner[last] = value
    return yaml.safe_dump(options)
