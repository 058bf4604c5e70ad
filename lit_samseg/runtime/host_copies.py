"""Records of tensors, brought from a device to the host's memory."""

import dataclasses
from typing import TypeVar

from torch import Tensor

Record = TypeVar("Record")


class HostCopies:
    """Copies dataclasses whose fields, or fields of whose fields, are tensors of a device.

    A tensor that several of them share, as the regions of an image share their map, is copied once and shared again.
    """

    def __init__(self) -> None:
        # With the originals: a number of one that is gone may be another's.
        self._copies: dict[int, tuple[Tensor, Tensor]] = {}

    def of(self, record: Record) -> Record:
        """Return the record with all tensors on the CPU: itself, where there is nothing to copy."""
        if isinstance(record, Tensor):
            return self._tensor(record)  # type: ignore[return-value]
        if not dataclasses.is_dataclass(record) or isinstance(record, type):
            return record
        given = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        copied = {name: copy for name, value in given.items() if (copy := self.of(value)) is not value}
        return dataclasses.replace(record, **copied) if copied else record

    def _tensor(self, tensor: Tensor) -> Tensor:
        if tensor.device.type == "cpu":
            return tensor
        if id(tensor) not in self._copies:
            self._copies[id(tensor)] = tensor, tensor.cpu()
        return self._copies[id(tensor)][1]
