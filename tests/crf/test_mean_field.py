"""Mean field: against the dense CRF's own code where it is installed, and against its numbers everywhere."""

import importlib
import importlib.util

import numpy as np
import pytest
import torch
from torch import Tensor

from lit_samseg.crf import (
    Kernel,
    PermutohedralLattice,
    Position,
    colour_features,
    feature_kernel,
    mean_field,
    position_features,
)

# What pydensecrf2 1.1 gave for scene(12, 10, 3) with kernels(), 5 iterations: class 0 and class 1 in 1/10000, from
# `reference` below, rounded.
CLASS_0 = """
9721 9465 9213 9483 7673  687 2997  299 1499 3335
8491 9558 9339 8543 2917 1003 2807 2754 3203  297
5253 9148 9008 5628 1094  124 1937  858 5804 3346
8306 6955 2686 2372  839 2002 1341 3651 3605  139
6897 1213 2217 9204 1691  345  900  685  108  234
4423 8677 2843 7728 3097  816 2003  829  798  488
8444 5482 7072 7265  725 2284  707 4169  232  759
9606 7255 9616 7783 1268  707  241  616  378  811
6968 9439 7809 3590 2536 8770 3762  108  590 1251
5752 9407 7420 9651 4032 3314 1423 4178  626  325
9489 6377 7075 9049 1570 5999  693  471 4437 3410
9898 9661 4438 9683 2978 1231  768 1655 2827 1465
"""
CLASS_1 = """
 207  182  494  441 1838 9044 3668 2713 4131 3912
 307  332  209  874 3675 7996 6944 3520 4386  259
2053  622  702 3048 8894 9291 5024 3672  352  452
 707 3014  465 1764 8588 6980 8065  418 1673  140
1340 6711 6785  159 4675 8925 7943   77 1919  475
4733  942 1331 1416 4934 7739 6203  389 1004  815
1138  192 1117  497 8323 5508 8425 3095  326 4528
  95  812  290  908 8333 7991 9220 3779 6684 4373
1807  384 1603 5543 7320  612 5393   72 3059  438
2387  500 1390  242 5830 4399 8390  904 7395  236
  61 1974 1629  822 6045 3542 8561 1330  289  542
  35  250  691  241 5505 8483 9189  295 2429 1279
"""


def scene(height: int, width: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy scores ``[C, h, w]``, an image uint8 ``[3, h, w]`` and features ``[2, h, w]`` of upright bands.

    NumPy promises that RandomState draws the same numbers for ever.
    """
    random = np.random.RandomState(seed)
    band = np.broadcast_to(np.arange(width) * classes // width, (height, width))
    scores = random.randn(classes, height, width) + (np.arange(classes)[:, None, None] == band)
    image = np.clip(60 + 50 * band + 12 * random.randn(3, height, width), 0, 255)
    features = 0.3 * band + 0.15 * random.randn(2, height, width)
    return (
        torch.from_numpy(scores).float(),
        torch.from_numpy(image.astype(np.uint8)),
        torch.from_numpy(features).float(),
    )


def kernels(image: Tensor, features: Tensor) -> list[Kernel]:
    height, width = image.shape[1:]
    return [
        Kernel(position_features(height, width, 0.6), 0.5),
        Kernel(colour_features(image, 8, 15), 1.0),
        Kernel(feature_kernel(features, 5, 0.2), 0.7),
    ]


def reference(scores: Tensor, pairwise: list[Kernel], iterations: int) -> Tensor:
    """Probabilities by pydensecrf."""
    from pydensecrf.densecrf import DenseCRF2D

    classes, height, width = scores.shape
    crf = DenseCRF2D(width, height, classes)
    crf.setUnaryEnergy(np.ascontiguousarray(-scores.flatten(1).numpy()))
    for kernel in pairwise:
        crf.addPairwiseEnergy(np.ascontiguousarray(kernel.features.T.numpy()), compat=kernel.weight)
    return torch.from_numpy(np.array(crf.inference(iterations))).view(classes, height, width)


def test_reference_numbers() -> None:
    scores, image, features = scene(12, 10, 3)
    q = mean_field(scores, kernels(image, features), 5).exp()
    expected = torch.tensor([[int(number) for number in numbers.split()] for numbers in (CLASS_0, CLASS_1)]) / 1e4
    torch.testing.assert_close(q[:2].flatten(1), expected, rtol=0, atol=1e-3)


# The area is a multiple of 4: otherwise pydensecrf's SSE code adds up to three points at the features' origin.
@pytest.mark.skipif(importlib.util.find_spec("pydensecrf") is None, reason="pydensecrf is not installed")
@pytest.mark.parametrize(("height", "width", "classes"), [(12, 10, 3), (48, 61, 2), (40, 53, 21)])
@pytest.mark.parametrize("used", [[], [0], [1], [2], [0, 1, 2]])
@pytest.mark.parametrize("iterations", [0, 1, 8])
def test_dense_crf(height: int, width: int, classes: int, used: list[int], iterations: int) -> None:
    scores, image, features = scene(height, width, classes, seed=1)
    every = kernels(image, features)
    pairwise = [Kernel(every[i].features, 4 * every[i].weight) for i in used]
    q = mean_field(scores, pairwise, iterations).exp()
    torch.testing.assert_close(q, reference(scores, pairwise, iterations), rtol=0, atol=1e-3)


def test_normalised() -> None:
    scores, image, features = scene(20, 30, 4)
    log_q = mean_field(scores, kernels(image, features), 3)
    assert log_q.dtype == torch.float32
    torch.testing.assert_close(log_q.exp().sum(0), torch.ones(20, 30))


def test_removes_noise() -> None:
    """Two halves in flat colours, a third of the pixels mislabelled: the field puts every pixel right."""
    right = torch.arange(32).expand(24, 32) >= 16
    noise = torch.from_numpy(np.random.RandomState(0).rand(24, 32) < 1 / 3)
    scores = torch.stack([~(right ^ noise), right ^ noise]).float()
    image = torch.where(right, 200, 40).expand(3, 24, 32)
    assert ((scores.argmax(0) == 1) != right).float().mean() > 0.3
    q = mean_field(scores, [Kernel(colour_features(image, 10, 10), 4.0)], 5)
    assert ((q.argmax(0) == 1) == right).all()


def test_no_iterations() -> None:
    scores, image, features = scene(6, 7, 3)
    torch.testing.assert_close(mean_field(scores, kernels(image, features), 0), scores.log_softmax(0))


def test_arguments_are_kept() -> None:
    scores, image, features = scene(6, 7, 3)
    before = scores.clone()
    mean_field(scores, kernels(image, features), 2)
    assert torch.equal(scores, before)


def test_a_constant_per_pixel() -> None:
    """Makes no difference; scores need not be normalised."""
    scores, image, features = scene(12, 10, 3)
    expected = mean_field(scores, kernels(image, features), 3)
    shifted = scores + torch.linspace(-20, 20, 120).view(12, 10)
    torch.testing.assert_close(mean_field(shifted, kernels(image, features), 3), expected, rtol=1e-3, atol=1e-3)


def test_underflow() -> None:
    """A probability of e^-500 is 0 in float32, its logarithm is not lost."""
    scores, image, features = scene(12, 10, 3)
    scores[2] -= 500
    log_q = mean_field(scores, kernels(image, features), 4)
    assert log_q.isfinite().all()
    assert (log_q[2] < -400).all()


def test_one_class() -> None:
    """Needs no kernel: there is nothing to decide."""
    kernel = Kernel(torch.full((20, 2), float("nan")), 1.0)
    log_q = mean_field(torch.randn(1, 4, 5), [kernel], 5)
    assert torch.equal(log_q, torch.zeros(1, 4, 5))


def test_wrong_number_of_pixels() -> None:
    with pytest.raises(ValueError, match="features of 20 pixels"):
        mean_field(torch.zeros(2, 4, 5), [Kernel(position_features(5, 5, 1.0), 1.0)], 1)


def test_features() -> None:
    """The order is x, y as in the dense CRF: the lattice is not the same for every order."""
    assert position_features(2, 3, 2.0).tolist() == [[0, 0], [0.5, 0], [1, 0], [0, 0.5], [0.5, 0.5], [1, 0.5]]
    image = torch.arange(18, dtype=torch.uint8).view(3, 2, 3)
    colours = colour_features(image, 2.0, 4.0)
    assert colours[4].tolist() == [0.5, 0.5, 1, 2.5, 4]
    assert torch.equal(colours, colour_features(image.float(), 2.0, 4.0))
    assert feature_kernel(torch.ones(7, 2, 3), 1.0, 1.0).shape == (6, 9)


def test_a_position_is_its_features_and_its_lattice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, image, _ = scene(9, 14, 3)
    colour = Kernel(colour_features(image, 8, 15), 1.0)
    made = []

    class Lattice(PermutohedralLattice):
        def __init__(self, features: Tensor) -> None:
            made.append(tuple(features.shape))
            super().__init__(features)

    module = importlib.import_module("lit_samseg.crf.mean_field")
    monkeypatch.setattr(module, "PermutohedralLattice", Lattice)
    place = Position(9, 14, 0.73, torch.device("cpu"))
    expected = mean_field(scores, [Kernel(position_features(9, 14, 0.73), 0.5), colour], 3)
    for others in (2, 1, 1):
        made.clear()
        with torch.inference_mode():
            assert torch.equal(mean_field(scores, [Kernel(place, 0.5), colour], 3), expected)
        assert len(made) == others
    # Also where inference mode is off, and with another weight.
    assert not torch.equal(mean_field(scores, [Kernel(place, 5.0), colour], 3), expected)
    with pytest.raises(ValueError, match="126 pixels"):
        mean_field(scores, [Kernel(Position(9, 13, 0.73, torch.device("cpu")), 0.5)], 3)
    made.clear()
    monkeypatch.setattr(module, "KEPT_POINTS", 100)
    for _ in range(2):
        assert torch.equal(mean_field(scores, [Kernel(place, 0.5), colour], 3), expected)
    assert len(made) == 4
