"""The command line of what needs networks: words become objects, which Lightning runs."""

import logging
import sys
import warnings

from lightning import LightningDataModule, LightningModule
from lightning.pytorch.cli import ArgsType

from lit_samseg.cli.class_help import answer_class_help
from lit_samseg.cli.config_files import check_config_files
from lit_samseg.cli.data_names import with_data_class
from lit_samseg.cli.description import DESCRIPTION
from lit_samseg.cli.lightning_cli import HelpFormatter, SamSegCLI
from lit_samseg.cli.network_names import with_classes
from lit_samseg.version import __version__

__all__ = ["run", "run_command"]


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
    # What is of an epoch is logged all the same.
    warnings.filterwarnings("ignore", ".*is smaller than the logging interval.*")
    # That is what --optimizer is for.
    warnings.filterwarnings("ignore", ".*configure_optimizers` will be overridden by.*", UserWarning)
    # A run that goes on with another's checkpoints keeps them.
    warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*", UserWarning)
    # Lightning 2.6 calls a deprecated pytree function; nothing a user can mend.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*", FutureWarning)
    return SamSegCLI(
        model_class=LightningModule,
        datamodule_class=LightningDataModule,
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
            "formatter_class": HelpFormatter,
            # `main` says it in a line.
            "exit_on_error": False,
        },
        args=args,
    )


def run_command(words: list[str], args: ArgsType = None) -> None:
    """Run one of Lightning's commands; errors are raised.

    Args:
        words: The command line after the program's name.
        args: None where they are the process's own.
    """
    check_config_files(words)
    named = with_data_class(with_classes(words))
    if answer_class_help(named):
        return
    if args is not None:
        args = named
    else:
        # The process's own, which its children begin with too.
        sys.argv[1:] = named
    run(args)
