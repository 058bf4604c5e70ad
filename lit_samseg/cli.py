"""The command line: the only room that parses words."""

import logging
import os
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# albumentations would ask the network for its newest version when it is imported.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lit_samseg.callbacks import ImageProgressBar, PredictionWriter, ResultsWriter
from lit_samseg.errors import InputError
from lit_samseg.version import __version__

DESCRIPTION = """Can a promptable segmentation model such as SAM improve semantic segmentation?

example:  lit-samseg test --config configs/demo.yaml
options:  --data.root --data.split --data.subset --data.ids --model.baseline.checkpoint --model.sam.checkpoint
          --model.sam.precision --model.variants --model.save_predictions --output_dir --trainer.*
more:     lit-samseg test --help
          lit-samseg test --data.help lit_samseg.data.VOC2012
          lit-samseg test --model.help lit_samseg.module.SamSegEvaluation
"""


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
        for name in ("class_names", "background", "ignore_index"):
            parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Leave out what the program decides: our table replaces Lightning's, predictions go to files."""
        skipped = LightningCLI.subcommands()
        skipped["test"] |= {"verbose"}
        skipped["predict"] |= {"return_predictions"}
        return skipped

    def test(self, **kwargs: Any) -> None:
        """Run the evaluation."""
        self.trainer.test(verbose=False, **kwargs)

    def predict(self, **kwargs: Any) -> None:
        """Write label maps; they are not kept in memory."""
        self.trainer.predict(return_predictions=False, **kwargs)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add the callbacks that write what a run leaves behind."""
        trainer = super().instantiate_trainer(**kwargs)
        subcommand = str(self.subcommand)
        config = self.config[subcommand]
        output_dir = Path(config.output_dir or default_output_dir(config.get("config")))
        dump = self._parser(subcommand).dump(config, skip_none=False)
        if subcommand == "test":
            trainer.callbacks.append(ResultsWriter(output_dir, dump))
        trainer.callbacks.append(PredictionWriter(output_dir))
        return trainer


def default_output_dir(configs: list[Any] | None) -> Path:
    """Return ``logs/<name of the last config file>/<UTC time>``."""
    names = [Path(str(config)).stem for config in configs or [] if config is not None]
    return Path("logs") / (names[-1] if names else "run") / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def run(args: ArgsType = None) -> SamSegCLI:
    """Parse ``args`` (default: the command line) and run the subcommand; errors are raised."""
    # The advice and device lists Lightning logs bury our own output.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # Pictures are decoded in milliseconds; more workers are no gain.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
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
            "callbacks": [ImageProgressBar()],
        },
        parser_kwargs={"description": DESCRIPTION, "version": __version__},
        args=args,
    )


def main(args: ArgsType = None) -> None:
    """Run the program; what a user can mend ends with one line and exit code 2."""
    try:
        run(args)
    except (InputError, MisconfigurationException) as error:
        print(f"lit-samseg: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as stop:
        # Lightning ends an interrupted run with 1; shells expect 128 + SIGINT.
        if isinstance(stop.__context__, KeyboardInterrupt):
            print("lit-samseg: interrupted", file=sys.stderr)
            sys.exit(130)
        raise
    except KeyboardInterrupt:
        print("lit-samseg: interrupted", file=sys.stderr)
        sys.exit(130)
