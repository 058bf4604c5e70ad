"""Runs that are told to stop before the last image."""

from lightning import Trainer


def is_whole(trainer: Trainer) -> bool:
    """Tell whether a run is over all its images: limits and fast_dev_run stop early on purpose."""
    limit = getattr(trainer, _limit(trainer))
    # An int 1 is one batch, a float 1.0 is all.
    return isinstance(limit, float) and limit == 1.0


def limiting_option(trainer: Trainer) -> str:
    """Return the option that has a run stop early, as the command line has it."""
    return "trainer.fast_dev_run" if trainer.fast_dev_run else f"trainer.{_limit(trainer)}"  # type: ignore[attr-defined]


def _limit(trainer: Trainer) -> str:
    return "limit_predict_batches" if trainer.predicting else "limit_test_batches"
