"""Weights that are cast once give what weights cast at every call gave."""

import pytest
import torch
from torch import nn

from lit_samseg.sam import Precision, SegmentAnything
from lit_samseg.sam.precision import cast_weights

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_embeddings_and_answers_are_those_of_weights_in_fp32(precision: Precision) -> None:
    image = torch.randint(0, 256, (3, 70, 90), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    cast, plain = SegmentAnything("demo", precision), SegmentAnything("demo")
    exact = plain.encode([image])[0].features
    # As it was before: autocast brings the weights to it at every call.
    plain.precision = precision
    found, expected = cast.encode([image])[0].features, plain.encode([image])[0].features
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
    assert not torch.equal(found, exact)


@pytest.mark.parametrize("precision", DTYPES)
def test_what_autocast_leaves_in_fp32_stays_so(precision: Precision) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(2, 5), nn.LayerNorm(5), nn.BatchNorm2d(4))
    cast_weights(network, precision)
    assert {p.dtype for layer in network[:2] for p in layer.parameters()} == {DTYPES[precision]}
    assert {p.dtype for layer in network[2:] for p in layer.parameters()} == {torch.float32}
