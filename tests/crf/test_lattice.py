"""The lattice: against the sums it approximates, and what holds whatever its accuracy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lit_samseg.crf import PermutohedralLattice


def cloud(points: int, dimensions: int, spread: float, seed: int = 0) -> Tensor:
    """Points in a cube of ``spread`` standard deviations."""
    return torch.from_numpy(np.random.RandomState(seed).rand(points, dimensions) * spread).float()


def random_values(points: int, channels: int, seed: int = 1) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(points, channels)).float()


def normalised(features: Tensor, values: Tensor) -> Tensor:
    lattice = PermutohedralLattice(features)
    return lattice.filter(values) / lattice.filter(torch.ones(len(features), 1))


def gaussian(features: Tensor, values: Tensor) -> Tensor:
    """The normalised filter by brute force."""
    kernel = torch.exp(-(torch.cdist(features.double(), features.double()) ** 2) / 2)
    return ((kernel @ values.double()) / kernel.sum(1, keepdim=True)).float()


def matrix(features: Tensor) -> Tensor:
    return PermutohedralLattice(features).filter(torch.eye(len(features)))


# Over 100 clouds: correlation from .977, .967, .959 (median .995, .993, .985), mean error up to .19, .23, .25 of the
# standard deviation (median .09, .11, .15). White noise is the hardest: its means over many points are small.
@pytest.mark.parametrize(("dimensions", "correlation", "error"), [(2, 0.97, 0.2), (3, 0.96, 0.23), (5, 0.95, 0.26)])
def test_gaussian(dimensions: int, correlation: float, error: float) -> None:
    for seed in range(5):
        features, values = cloud(400, dimensions, 2.0, seed), random_values(400, 3, seed)
        ours, expected = normalised(features, values), gaussian(features, values)
        assert torch.corrcoef(torch.stack([ours.flatten(), expected.flatten()]))[0, 1] > correlation
        assert (ours - expected).abs().mean() < error * expected.std()


# Over 100 clouds: from .982, .982, .976.
@pytest.mark.parametrize("dimensions", [2, 3, 5])
def test_weight_of_each_pair(dimensions: int) -> None:
    features = cloud(400, dimensions, 2.0)
    weights = matrix(features)
    exact = torch.exp(-(torch.cdist(features, features) ** 2) / 2)
    assert torch.corrcoef(torch.stack([weights.flatten(), exact.flatten()]))[0, 1] > 0.97
    assert (weights >= 0).all()


@pytest.mark.parametrize(("dimensions", "side"), [(1, 2401), (2, 81), (3, 25)])
def test_standard_deviation(dimensions: int, side: int) -> None:
    """A point's weights on a dense grid have variance 1, on average over the points' places in their simplices."""
    ticks = torch.linspace(-5, 5, side)
    grid = torch.stack(torch.meshgrid(*[ticks] * dimensions, indexing="ij"), dim=-1).view(-1, dimensions)
    (inner,) = (grid.abs() < 1).all(1).nonzero(as_tuple=True)
    inner = inner[:: max(1, len(inner) // 200)]
    weights = PermutohedralLattice(grid).filter(torch.eye(len(grid))[:, inner])
    variance = ((grid[:, None] - grid[inner]) ** 2 * weights[:, :, None]).sum(0) / weights.sum(0)[:, None]
    torch.testing.assert_close(variance.mean(0), torch.ones(dimensions), rtol=0, atol=0.05)


def test_linear() -> None:
    lattice = PermutohedralLattice(cloud(300, 5, 3.0))
    a, b = random_values(300, 4, 1), random_values(300, 4, 2)
    torch.testing.assert_close(lattice.filter(2 * a - 3 * b), 2 * lattice.filter(a) - 3 * lattice.filter(b))


def test_channels_are_apart() -> None:
    lattice = PermutohedralLattice(cloud(300, 3, 3.0))
    values = random_values(300, 9)
    single = torch.cat([lattice.filter(values[:, i : i + 1]) for i in range(9)], dim=1)
    torch.testing.assert_close(lattice.filter(values), single)
    assert torch.equal(lattice.filter(values.T.contiguous().T), lattice.filter(values))
    assert lattice.filter(values[:, :0]).shape == (300, 0)


def test_symmetric_on_a_line() -> None:
    """Both axes of a line are the same one, so its blurs commute and the matrix is symmetric."""
    weights = matrix(cloud(200, 1, 4.0))
    torch.testing.assert_close(weights, weights.T)


@pytest.mark.parametrize(("dimensions", "asymmetry"), [(2, 0.05), (3, 0.06), (5, 0.08)])
def test_nearly_symmetric(dimensions: int, asymmetry: float) -> None:
    """As the dense CRF's, which blurs in one order only; where corners are missing the order matters.

    Over 100 clouds: up to .044, .050, .072.
    """
    weights = matrix(cloud(400, dimensions, 2.0))
    assert 0 < (weights - weights.T).norm() < asymmetry * weights.norm()


@given(dimensions=st.integers(1, 7), points=st.integers(1, 60), spread=st.floats(0, 50), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_constant(dimensions: int, points: int, spread: float, seed: int) -> None:
    """A constant stays what it is, and no point loses all of its own value."""
    features = cloud(points, dimensions, spread, seed)
    constant = torch.full((points, 2), 3.0)
    torch.testing.assert_close(normalised(features, constant), constant)
    assert (matrix(features).diagonal() > 0.05).all()


@given(dimensions=st.integers(1, 6), spread=st.sampled_from([0.5, 3.0, 40.0]), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_order_of_points(dimensions: int, spread: float, seed: int) -> None:
    features, values = cloud(80, dimensions, spread, seed), random_values(80, 3, seed)
    order = torch.from_numpy(np.random.RandomState(seed).permutation(80))
    ours = PermutohedralLattice(features[order]).filter(values[order])
    torch.testing.assert_close(ours, PermutohedralLattice(features).filter(values)[order], rtol=1e-4, atol=1e-5)


@given(dimensions=st.integers(1, 6), gap=st.floats(8, 500), axis=st.integers(0, 5), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_far_points(dimensions: int, gap: float, axis: int, seed: int) -> None:
    """Two distant clouds do not mix at all; keys that stood for two corners each would let them."""
    near, far = cloud(20, dimensions, 1.0, seed), cloud(20, dimensions, 1.0, seed + 1)
    far[:, axis % dimensions] += gap
    values = random_values(20, 2)
    both = PermutohedralLattice(torch.cat([near, far])).filter(torch.cat([values, torch.zeros(20, 2)]))
    assert (both[20:] == 0).all()
    torch.testing.assert_close(both[:20], PermutohedralLattice(near).filter(values), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dimensions", range(1, 8))
def test_constant_factor(dimensions: int) -> None:
    """A lone point on a corner: its value, and what came back after a step along each axis, by the paper's alpha."""
    weight = matrix(torch.zeros(1, dimensions)).item()
    assert weight == pytest.approx((1 + 2 ** -(dimensions + 1)) / (1 + 2**-dimensions))


def test_same_point() -> None:
    """One point 400 times over is one simplex: every copy reads the same mean."""
    values = random_values(400, 2)
    mean = values.mean(0).expand(400, 2)
    features = cloud(1, 4, 9.0).expand(400, 4)
    torch.testing.assert_close(normalised(features, values), mean, rtol=1e-4, atol=1e-5)
    assert PermutohedralLattice(features).num_vertices == 5


def test_wide_features() -> None:
    """As wide as it promises to take in 8 dimensions, and there still without two corners of one key."""
    features = cloud(300, 8, 90.0)
    # So thinly spread, no point sees another.
    weights = matrix(features)
    assert torch.equal(weights, weights.diag().diag())


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (torch.tensor([[0.0], [float("nan")]]), "finite"),
        (torch.tensor([[0.0, float("inf")]]), "finite"),
        (torch.tensor([[0.0], [1e8]]), "about a million standard deviations"),
        (cloud(50, 9, 1e4), "9 dimensions spread too far"),
    ],
)
def test_features_out_of_range(features: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PermutohedralLattice(features)
