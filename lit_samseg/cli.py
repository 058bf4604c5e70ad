"""The command line: the only room that parses words."""

import argparse
import logging
import re
import signal
import sys
import warnings
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch
from jsonargparse import DefaultHelpFormatter
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lit_samseg.callbacks import (
    GalleryWriter,
    ImageProgressBar,
    JournalWriter,
    OverlayLogger,
    OverlayWriter,
    PredictionWriter,
    RefinedWriter,
    ReportWriter,
    ResultsWriter,
    SkippedImages,
    TerminateOnce,
    check_trainable,
    training_callbacks,
)
from lit_samseg.config_files import check_command_first, check_config_files
from lit_samseg.data.facts import fact_of_data
from lit_samseg.description import DESCRIPTION
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.null_options import check_nulls
from lit_samseg.option_errors import in_one_line
from lit_samseg.reports import COMMANDS, run_report
from lit_samseg.version import __version__

_LOGGER_PACKAGES = ("comet_ml", "mlflow", "neptune", "wandb")
"""Errors of their own tell the user what to mend."""

_ROWS = re.compile(r"--model(\.init_args)?\.variants\b")


class _Formatter(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """jsonargparse's help with the description's lines as they are written."""


class SamSegCLI(LightningCLI):
    """LightningCLI with the data set's facts linked to the model, and an output folder."""

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
        parser.add_argument("--report", type=bool, default=True, help="In test: make report.html at the end.")
        for name in ("class_names", "background", "ignore_index"):
            told = partial(fact_of_data, name=name)
            parser.link_arguments("data", f"model.init_args.{name}", told, apply_on="instantiate")

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Leave out what has no meaning here: checkpoints of frozen networks, a table beside ours."""
        skipped = LightningCLI.subcommands()
        # A parser of each is built at every start, which takes a tenth of a second.
        return {
            "fit": skipped["fit"] | {"weights_only"},
            "test": skipped["test"] | {"verbose", "ckpt_path", "weights_only"},
            "predict": skipped["predict"] | {"return_predictions", "ckpt_path", "weights_only"},
        }

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Take down whether the command line names rows: those of a configuration are for its test."""
        words = args if isinstance(args, list) else sys.argv[1:]
        self.names_rows = any(_ROWS.match(word) for word in words)
        super().parse_arguments(parser, args)

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
        chosen = self.config_init[subcommand].trainer.callbacks or []
        callbacks: list[Callback] = [*chosen] if isinstance(chosen, list) else [chosen]
        if config.trainer.enable_progress_bar is not False and subcommand != "fit":
            callbacks.append(ImageProgressBar())
        if subcommand == "fit":
            check_trainable(self.model)
            if config.resume:
                raise InputError("--resume is not for fit, which goes on with --ckpt_path DIR/checkpoints/last.ckpt")
            output_dir = Path(config.output_dir or default_output_dir(config.get("config"))).expanduser()
            dump = self._parser(subcommand).dump(config, skip_none=False)
            callbacks += training_callbacks(output_dir, dump, config.trainer, callbacks)
            kwargs.setdefault("default_root_dir", config.trainer.default_root_dir or output_dir)
        elif isinstance(self.model, SamSegEvaluation):
            if config.resume and config.output_dir is None:
                raise InputError("--resume true needs --output_dir, the folder of the run to go on with")
            output_dir = Path(config.output_dir or default_output_dir(config.get("config"))).expanduser()
            # Before the results are written, which name what was skipped.
            alone = subcommand == "predict" and not self.names_rows
            predictions = RefinedWriter(output_dir) if alone else PredictionWriter(output_dir)
            callbacks += [TerminateOnce(), SkippedImages(), predictions]
            dump = self._parser(subcommand).dump(config, skip_none=False)
            if subcommand == "test":
                # In this order: pictures without results would be of no use.
                callbacks += [ResultsWriter(output_dir, dump), GalleryWriter(output_dir, config.gallery)]
                callbacks += [ReportWriter(output_dir)] if config.report else []
                if not any(isinstance(callback, OverlayLogger) for callback in callbacks):
                    callbacks.append(OverlayLogger())
            else:
                callbacks.append(OverlayWriter(output_dir, alone))
            callbacks.append(JournalWriter(output_dir, dump, config.resume))
            # Where a job that is queued again leaves a checkpoint, which here holds nothing.
            kwargs.setdefault("default_root_dir", config.trainer.default_root_dir or output_dir)
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


def run(args: ArgsType = None) -> SamSegCLI:
    """Parse ``args`` (default: the command line) and run the subcommand; errors are raised."""
    # The advice and device lists Lightning logs bury our own output.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Pictures are decoded in milliseconds; more workers are no gain.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # A process whose images were all skipped has counted none, and still takes part.
    warnings.filterwarnings("ignore", ".*method of metric .* was called before", UserWarning)
    # Frozen networks are in evaluation mode while others learn, and so are those that learn: see ValidatedModule.
    warnings.filterwarnings("ignore", ".*module\\(s\\) in eval mode at the start of training.*", UserWarning)
    # That is what --optimizer is for.
    warnings.filterwarnings("ignore", ".*configure_optimizers` will be overridden by.*", UserWarning)
    # A run that goes on with another's checkpoints keeps them.
    warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*", UserWarning)
    # Lightning 2.6 calls a deprecated pytree function; nothing a user can mend.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*", FutureWarning)
    return SamSegCLI(
        LightningModule,
        LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=None,
        seed_everything_default=0,
        trainer_defaults={
            "logger": False,
            "enable_model_summary": False,
            "use_distributed_sampler": False,
            # A learning curve begins with what was there before.
            "num_sanity_val_steps": -1,
            "log_every_n_steps": 10,
        },
        parser_kwargs={
            "prog": "lit-samseg",
            "description": DESCRIPTION,
            "version": __version__,
            "formatter_class": _Formatter,
            # `main` says it in a line.
            "exit_on_error": False,
        },
        args=args,
    )


def main(args: ArgsType = None) -> None:
    """Run the program; what a user can mend ends with one line and exit code 2."""
    words = sys.argv[1:] if args is None else args
    try:
        if isinstance(words, list) and words and words[0] in COMMANDS:
            run_report(words)
        else:
            if isinstance(words, list):
                check_config_files(words)
                check_command_first(words, (*SamSegCLI.subcommands(), *COMMANDS))
            run(args)
    except argparse.ArgumentError as error:
        known = [word for word in words[:1] if word in SamSegCLI.subcommands()] if isinstance(words, list) else []
        _end(f"error: {in_one_line(str(error))} (see {' '.join(['lit-samseg', *known, '--help'])})", 2)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except SIGTERMException:
        # Lightning ends a run that was told to end (by a batch system, say) as if all were well.
        _end("terminated", 128 + signal.SIGTERM)
    except SystemExit as stop:
        # Lightning ends an interrupted run with 1; shells expect 128 + SIGINT.
        if isinstance(stop.__context__, KeyboardInterrupt):
            _end("interrupted", 130)
        raise
    except Exception as error:
        readable = _readable_cause(error)
        if readable is None:
            raise
        _end(f"error: {' '.join(str(readable).split())}", 2)


def _readable_cause(error: BaseException | None) -> BaseException | None:
    """Find the error that was written for the user; jsonargparse wraps what a constructor raises.

    Only causes are followed: an error on the way to which another happened to be handled is a defect of the program,
    and its traceback must be seen.
    """
    while error is not None:
        # OSError: a full disk, a file without permission; its text names the file. ModuleNotFoundError: a logger whose
        # package is not installed.
        if isinstance(error, InputError | MisconfigurationException | OSError | ModuleNotFoundError):
            return error
        if isinstance(error, torch.OutOfMemoryError):
            what = str(error).partition(". ")[0]
            return InputError(f"out of memory ({what}); use smaller images or networks, or --trainer.accelerator cpu")
        # A server that is not there, a login that is missing.
        if type(error).__module__.partition(".")[0] in _LOGGER_PACKAGES:
            return error
        error = error.__cause__
    return None


def _end(message: str, code: int) -> NoReturn:
    print(f"lit-samseg: {message}", file=sys.stderr)
    sys.exit(code)
