"""Has the processes of a run end together."""

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.distributed.distributed_c10d import _get_default_store

from lit_samseg.errors import InputError
from lit_samseg.runtime.peers import Peers


class EndTogether(Callback):
    """Ends every process of a run within seconds where one has failed; see `Peers`.

    Ctrl-C and SIGTERM have ways of their own.
    """

    def __init__(self) -> None:
        self._peers: Peers | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Begin, as soon as the processes know each other."""
        if trainer.world_size == 1 or self._peers is not None:
            return
        store, rank = _get_default_store().clone(), trainer.global_rank
        # Over gloo, on CPUs, a process that is gone is noticed by itself, and what is finished is put away.
        gloo = trainer.strategy.root_device.type == "cpu"
        self._peers = Peers(store, rank, grace=10, pause=0) if gloo else Peers(store, rank)
        self._peers.watch()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End: nobody needs another from here on."""
        if self._peers is not None:
            trainer.strategy.barrier()
            self._peers.stop()
            self._peers = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Tell the others; an error that comes of another process's is explained by that."""
        if self._peers is None or isinstance(exception, KeyboardInterrupt | SIGTERMException):
            return
        first = self._peers.tell()
        if first is not None and not isinstance(exception, InputError):
            exception.__cause__ = InputError(f"{first}; this one, {trainer.global_rank}, ends too")
