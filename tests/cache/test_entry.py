"""An entry comes back to the bit, or not at all."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lit_samseg.cache.entry import DamagedEntryError, pack, unpack

KEY, OTHER = "0" * 64, "1" * 64
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int16, torch.uint8, torch.bool)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    values = torch.randint(0, 2**8, shape, generator=generator).to(draw(st.sampled_from(DTYPES)))
    return values.permute(draw(st.permutations(range(len(shape)))))


@given(st.dictionaries(st.text("abé_", min_size=1, max_size=4), tensors(), max_size=3))
def test_tensors_come_back_as_they_were_and_as_they_lay(given_tensors: dict[str, Tensor]) -> None:
    found = unpack(KEY, pack(KEY, given_tensors))
    assert found.keys() == given_tensors.keys()
    for name, tensor in given_tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
        assert found[name].stride() == torch.empty_like(tensor).stride()


def test_a_permuted_tensor_keeps_its_layout_and_nan_its_bits() -> None:
    tensor = torch.full((2, 3, 4), float("nan")).permute(2, 0, 1)
    found = unpack(KEY, pack(KEY, {"x": tensor}))["x"]
    assert found.stride() == tensor.stride()
    assert torch.equal(found.view(torch.int32), tensor.view(torch.int32))


def test_tensors_may_share_memory() -> None:
    whole = torch.arange(6.0).reshape(2, 3)
    found = unpack(KEY, pack(KEY, {"whole": whole, "row": whole[1], "repeated": whole[0].expand(2, 3)}))
    assert found["row"].tolist() == [3, 4, 5]
    assert found["repeated"].tolist() == [[0, 1, 2]] * 2


DATA = pack(KEY, {"features": torch.arange(40, dtype=torch.float32).reshape(2, 4, 5), "labels": torch.zeros(3).byte()})


def test_cut_off_anywhere_it_is_refused() -> None:
    for length in range(len(DATA)):
        with pytest.raises(DamagedEntryError):
            unpack(KEY, DATA[:length])


def test_with_a_changed_byte_it_is_refused_or_means_the_same() -> None:
    """Spaces that fill up the header mean nothing; everything else is covered."""
    whole = unpack(KEY, DATA)
    refused = 0
    chance = random.Random(0)
    for place in range(len(DATA)):
        damaged = bytearray(DATA)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            found = unpack(KEY, bytes(damaged))
        except DamagedEntryError:
            refused += 1
            continue
        assert found.keys() == whole.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in whole.items())
    assert refused >= len(DATA) - 8


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\xff" * 20, b"PK\x03\x04 no safetensors", (2).to_bytes(8, "little") + b"{}", DATA + b"\0"]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedEntryError, match="no safetensors file"):
        unpack(KEY, data)


def test_another_keys_entry_is_refused_even_where_it_says_otherwise() -> None:
    with pytest.raises(DamagedEntryError, match="another key"):
        unpack(OTHER, DATA)
    with pytest.raises(DamagedEntryError, match="digest"):
        unpack(OTHER, DATA.replace(KEY.encode(), OTHER.encode()))
