"""The options of the commands that need networks, and the callbacks that each command runs with."""

import argparse
import re
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import DefaultHelpFormatter
from lightning import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only

from lit_samseg.callbacks import (
    DataSummary,
    EndTogether,
    ImageProgressBar,
    OverlayLogger,
    RunWriter,
    TerminateOnce,
    check_trainable,
    training_callbacks,
)
from lit_samseg.cli.null_options import check_nulls
from lit_samseg.data.facts import fact_of_data
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.runtime.device import accelerator
from lit_samseg.runtime.shard import Shard

_ROWS = re.compile(r"--model(\.init_args)?\.variants\b")


class HelpFormatter(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """jsonargparse's help with the description's lines as they are written."""


class SamSegCLI(LightningCLI):
    """LightningCLI with the data set's facts linked to the model, and an output folder.

    Args:
        args: The command line after the program's name; None takes the process's own.
        options: As LightningCLI takes them.
    """

    def __init__(self, args: ArgsType = None, **options: Any) -> None:
        words = args if isinstance(args, list) else sys.argv[1:]
        # Files for several commands may stand before one; then every command's options are needed.
        self._command = words[0] if words and words[0] in self.subcommands() else None
        # Rows of a configuration are for its test.
        self.names_rows = any(_ROWS.match(word) for word in words)
        super().__init__(args=args, **options)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add ``--output_dir`` and the links from data to model."""
        parser.add_argument(
            "--output_dir",
            type=str | None,
            default=None,
            help="Where the run's files go (default: logs/<config name>/<UTC time>).",
        )
        parser.add_argument(
            "--gallery",
            type=bool,
            default=True,
            help="In test: keep small pictures of every image for the report (about 60 kB each).",
        )
        parser.add_argument(
            "--resume",
            type=bool,
            default=False,
            help="Go on with the unfinished run in --output_dir, or begin one there; give the same options as before.",
        )
        parser.add_argument(
            "--overwrite",
            type=bool,
            default=False,
            help="Replace the run that is in --output_dir; without it such a run stays and this one is refused.",
        )
        parser.add_argument(
            "--shard",
            type=str | None,
            default=None,
            help="K/N: evaluate only the K-th of N shares of the images, and leave them in --output_dir to the same "
            "command without it; shards may run at the same time, on machines that share a disk. Needs --resume true.",
        )
        parser.add_argument("--report", type=bool, default=True, help="In test: make report.html at the end.")
        for name in ("class_names", "background", "ignore_index"):
            told = partial(fact_of_data, name=name)
            parser.link_arguments("data", f"model.init_args.{name}", told, apply_on="instantiate")

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Leave out what has no meaning here: checkpoints of frozen networks, a table beside ours."""
        skipped = LightningCLI.subcommands()
        return {
            "fit": skipped["fit"] | {"weights_only"},
            "test": skipped["test"] | {"verbose", "ckpt_path", "weights_only"},
            "predict": skipped["predict"] | {"return_predictions", "ckpt_path", "weights_only"},
        }

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        """Add options to the parser of the command that is given alone: each takes more than a tenth of a second."""
        if self._command not in (None, subcommand):
            return self.init_parser(**kwargs)
        return super()._prepare_subcommand_parser(klass, subcommand, **kwargs)

    def before_instantiate_classes(self) -> None:
        """Refuse nulls, of which constructors would make a traceback or another number; let predict write one row."""
        config = self.config[str(self.subcommand)]
        for option in ("data", "model"):
            check_nulls(config.get(option), option)
        options = config.model.get("init_args") or {}
        # A configuration with one row, as search writes, means that one.
        several = "variants" in options and len(options["variants"] or []) != 1
        if self.subcommand == "predict" and not self.names_rows and several:
            options["variants"] = ["auto"]
            _say("predict writes the recommended row, auto, alone; --model.variants '[ROW, ...]' writes others")
        # What Lightning tells modules as their hyperparameters; by itself it would validate all options once more.
        self.config_dump = yaml.safe_load(self._dumped(skip_link_targets=False))

    def _dumped(self, skip_link_targets: bool = True) -> str:
        """Return the command's options as YAML; they were validated when they were parsed."""
        parser, config = self._parser(self.subcommand), self.config[str(self.subcommand)]
        text: str = parser.dump(config, skip_none=False, skip_validation=True, skip_link_targets=skip_link_targets)
        return text

    def test(self, **kwargs: Any) -> None:
        """Run the evaluation."""
        self.trainer.test(verbose=False, **kwargs)

    def predict(self, **kwargs: Any) -> None:
        """Write label maps; they are not kept in memory."""
        self.trainer.predict(return_predictions=False, **kwargs)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add the callbacks that write what a run leaves behind."""
        subcommand = str(self.subcommand)
        config = self.config[subcommand]
        kwargs.setdefault("accelerator", accelerator(config.trainer.accelerator))
        chosen = self.config_init[subcommand].trainer.callbacks or []
        callbacks: list[Callback] = [*chosen] if isinstance(chosen, list) else [chosen]
        if config.trainer.enable_progress_bar is not False and subcommand != "fit":
            callbacks.append(ImageProgressBar())
        if subcommand == "fit":
            check_trainable(self.model)
            if config.shard is not None:
                raise InputError("--shard is not for fit; give --trainer.devices N to train in several processes")
            if config.resume:
                raise InputError("--resume is not for fit, which goes on with --ckpt_path DIR/checkpoints/last.ckpt")
            output_dir = Path(config.output_dir or default_output_dir(config.get("config"))).expanduser()
            callbacks += training_callbacks(output_dir, self._dumped(), config, callbacks)
            kwargs.setdefault("default_root_dir", config.trainer.default_root_dir or output_dir)
        elif isinstance(self.model, SamSegEvaluation):
            if config.resume and config.overwrite:
                raise InputError("--resume goes on with a run and --overwrite replaces one; leave one of them out")
            if config.resume and config.output_dir is None:
                raise InputError("--resume true needs --output_dir, the folder of the run to go on with")
            output_dir = Path(config.output_dir or default_output_dir(config.get("config"))).expanduser()
            shard = None if config.shard is None else Shard.parse(config.shard)
            test, alone = subcommand == "test", subcommand == "predict" and not self.names_rows
            pictures = {"gallery": config.gallery, "report": config.report} if test else {"alone": alone}
            callbacks += [
                TerminateOnce(),
                RunWriter(output_dir, self._dumped(), config.resume, config.overwrite, shard=shard, **pictures),
            ]
            if test and not any(isinstance(callback, OverlayLogger) for callback in callbacks):
                callbacks.append(OverlayLogger())
            callbacks.append(DataSummary())
            # Where a job that is queued again leaves a checkpoint, which here holds nothing.
            kwargs.setdefault("default_root_dir", config.trainer.default_root_dir or output_dir)
        # The first, for others may already fail while they are set up.
        callbacks.insert(0, EndTogether())
        try:
            return super().instantiate_trainer(callbacks=callbacks, **kwargs)
        except (ValueError, TypeError) as error:
            raise InputError(f"--trainer: {error}") from error


@rank_zero_only
def _say(line: str) -> None:
    print(f"lit-samseg: {line}", file=sys.stderr)


def default_output_dir(configs: list[Any] | None) -> Path:
    """Return ``logs/<name of the last config file>/<UTC time>``."""
    names = [Path(str(config)).stem for config in configs or [] if config is not None]
    return Path("logs") / (names[-1] if names else "run") / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
