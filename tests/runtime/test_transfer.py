"""What is brought to a device in one copy is what it was."""

import pytest
import torch

from lit_samseg.runtime.transfer import download, to_device, upload

SOME = [
    torch.tensor([[1.5, -2.0], [3.25, 7.0]]),
    torch.tensor([True, False, True]),
    torch.empty(0, 2),
    torch.tensor([2**40, -1]),
    torch.arange(6.0).view(2, 3).T,
    torch.tensor(2.5, dtype=torch.float64),
    torch.tensor([7], dtype=torch.int16),
]


@pytest.mark.parametrize("device", ["cpu", "meta", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_all_arrive_as_they_were(device: str) -> None:
    found = upload(SOME, torch.device(device))
    assert [(one.dtype, one.shape) for one in found] == [(one.dtype, one.shape) for one in SOME]
    assert {one.device.type for one in found} == {device}
    if device != "meta":
        assert all(torch.equal(one.cpu(), given) for one, given in zip(found, SOME, strict=True))


def test_they_are_one_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, whose copy stands for it here."""
    monkeypatch.setattr("lit_samseg.runtime.transfer.to_device", lambda tensor, device: tensor.clone())
    found = upload(SOME, torch.device("meta"))
    assert all(torch.equal(one, given) for one, given in zip(found, SOME, strict=True))
    assert len({one.untyped_storage().data_ptr() for one in found if one.numel()}) == 1


def test_one_alone() -> None:
    assert to_device(SOME[0], torch.device("cpu")) is SOME[0]
    assert upload([], torch.device("cpu")) == []


@pytest.mark.gpu
def test_all_come_back_as_they_were() -> None:
    found = download([one.cuda() for one in SOME])
    assert all(torch.equal(one, given) for one, given in zip(found, SOME, strict=True))
    assert {one.device.type for one in found} == {"cpu"}


def test_nothing_is_done_on_a_cpu() -> None:
    assert all(one is given for one, given in zip(download(SOME), SOME, strict=True))
