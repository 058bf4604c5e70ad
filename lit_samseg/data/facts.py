"""What a data set tells the networks."""

from typing import Any

from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.runtime.declared import check_declared


def fact_of_data(data: object, name: str) -> Any:
    """Return an attribute of a data set, which must be whole.

    Raises:
        InputError: It is no data set, or lacks an attribute that it should have.
    """
    check_declared(data, SegmentationDataModule, "data")
    return getattr(data, name)
