"""A module that a `Trainer` runs in fp32 that means fp32."""

from collections.abc import Callable

from lightning import Callback, LightningModule, Trainer

from lit_samseg.errors import InputError
from lit_samseg.runtime.device import check_device
from lit_samseg.runtime.tf32 import forbid_tf32


class Fp32Module(LightningModule):
    """A module whose numbers would be others in TF32 or under autocast."""

    def configure_callbacks(self) -> list[Callback]:
        """Have fp32 computed as such as long as a `Trainer` works."""
        return [_WithoutTf32()]

    def check_arithmetic(self, spoilt: str, instead: str) -> None:
        """Refuse autocast, and devices without float64.

        Args:
            spoilt: What it would change too.
            instead: What ``--model.sam.precision`` can be.

        Raises:
            InputError: The trainer's precision is not fp32, or its device is such a one.
        """
        check_device(self.device)
        if (precision := self.trainer.precision) != "32-true":
            raise InputError(
                f"trainer.precision is {precision}; it would change {spoilt} too. Leave it out and set "
                f"--model.sam.precision {instead}"
            )


class _WithoutTf32(Callback):
    """Switches it off, and puts the settings back however the work ends."""

    _restore: Callable[[], None] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._restore = forbid_tf32()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._end()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._end()

    def _end(self) -> None:
        if self._restore is not None:
            self._restore()
