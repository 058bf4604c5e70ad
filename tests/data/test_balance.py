"""Images with rare classes are drawn more often: by their weights, in every order, on every process."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from lit_samseg.data.balance import class_shares, draws, image_weights
from lit_samseg.data.training import Training, ViewSampler
from lit_samseg.errors import InputError
from tests.conftest import PROJECT, RunCli
from tests.data.test_training import batches, order, samples

TARGETS = {
    "common": torch.zeros(4, 4, dtype=torch.uint8),
    "half": torch.tensor([[0, 1], [255, 255]], dtype=torch.uint8),
    "rare": torch.full((3, 3), 2, dtype=torch.uint8),
    "void": torch.full((2, 2), 255, dtype=torch.uint8),
}


def read(image_id: str) -> torch.Tensor:
    if image_id not in TARGETS:
        raise InputError("broken")
    return TARGETS[image_id]


def test_shares_are_of_known_pixels() -> None:
    shares = class_shares([*TARGETS, "broken"], read, 3)
    assert shares.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_weights_grow_with_rarity() -> None:
    shares = class_shares(list(TARGETS), read, 4)
    weights = {balance: image_weights(shares, balance) for balance in (0.0, 0.5, 1.0)}
    for found in weights.values():
        assert found.mean() == pytest.approx(1)
        assert found[3] == 0
    assert weights[0.0].tolist() == pytest.approx([4 / 3] * 3 + [0])
    # Of three images, class 0 has one and a half, class 1 a half, class 2 one.
    by_hand = np.array([1 / 1.5, 0.5 / 1.5 + 0.5 / 0.5, 1 / 1, 0])
    assert weights[1.0].tolist() == pytest.approx((by_hand / by_hand.mean()).tolist())
    # Drawn so, each class has the same share, but for images that have several.
    assert weights[0.0][1] < weights[0.5][1] < weights[1.0][1]
    assert image_weights(np.zeros((3, 2)), 1.0).tolist() == [1, 1, 1]


def test_every_image_is_drawn_as_often_as_its_weight_to_less_than_one() -> None:
    rng = np.random.default_rng(0)
    total = np.zeros(50)
    weights = rng.gamma(0.5, 1, 50)
    weights /= weights.mean()
    for _ in range(400):
        drawn = draws(weights, rng.permutation(50).tolist(), rng.random())
        assert len(set(drawn)) == len(drawn) == 50
        counts = Counter(position for position, _ in drawn)
        assert all(abs(counts[n] - weight) < 1 for n, weight in enumerate(weights))
        assert all(turn < counts[position] for position, turn in drawn)
        total += [counts[n] for n in range(50)]
    # On average as often as it should be: four standard deviations of 400 draws of a number between two neighbours.
    assert np.abs(total / 400 - weights).max() < 4 * 0.5 / 400**0.5
    assert sorted(draws(np.ones(7), list(range(7)), 0.999)) == [(n, 0) for n in range(7)]


BALANCED: dict[str, Any] = {"balance": 1.0, "views": 2}


def test_an_epoch_is_decided_by_seed_and_epoch() -> None:
    some = samples(12, **BALANCED)
    epochs = [order(some, epoch) for epoch in range(6)]
    assert epochs == [order(samples(12, **BALANCED), epoch) for epoch in range(6)]
    assert all(len(epoch) == 12 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6
    assert epochs[0] != order(samples(12, seed=1, **BALANCED), 0)
    weights = ViewSampler(some).weights
    assert weights is not None
    assert weights.max() > 1.2
    for number, epoch in enumerate(epochs):
        counts = Counter(own[0] for own in epoch)
        assert all(abs(counts[n] - weight) < 1 for n, weight in enumerate(weights))
        for position, view, *turn in epoch:
            assert view == (number + sum(turn)) % 2
            drawn = some[(position, view, *turn)]
            assert (drawn.position, drawn.view, drawn.turn) == (position, view, sum(turn))  # type: ignore[union-attr]


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_a_balanced_epoch_out(processes: int) -> None:
    some = samples(12, **BALANCED)
    alone = batches(order(some, 3), 2 * processes)
    shares = [batches(order(some, 3, processes, rank), 2) for rank in range(processes)]
    for step, batch in enumerate(alone):
        assert sorted(pair for share in shares for pair in share[step]) == sorted(batch)


@pytest.mark.parametrize("balance", [-0.1, 1.1, float("nan"), None])
def test_impossible_balances(balance: float) -> None:
    with pytest.raises(InputError, match=r"data\.training\.balance is"):
        Training(balance=balance)


def test_what_is_fitted_to_all_images_refuses_a_balance(run_cli: RunCli) -> None:
    outcome = run_cli(
        *("fit", "--data", "lit_samseg.data.Scenes", "--data.training.balance", 0.5, "--data.training.views", 1),
        *("--model", "lit_samseg.finetune.MemoryFinetune", "--model.baseline", "demo", "--model.sam", "demo"),
        *("--data.subset", 1, "--data.training.subset", 2, "--trainer.max_epochs", 1),
    )
    assert outcome.code == 2
    assert "data.training.balance is for trainings step by step; MemoryFinetune is fitted to every" in outcome.err


@pytest.mark.slow
def test_a_balanced_training_runs(run_cli: RunCli, tmp_path: Any) -> None:
    outcome = run_cli(
        *("fit", "--config", PROJECT / "configs/demo_finetune.yaml", "--data.training.balance", 1),
        *("--data.subset", 1, "--data.training.subset", 4, "--data.training.views", 1, "--trainer.max_epochs", 1),
        *("--output_dir", tmp_path),
    )
    assert outcome.code == 0, outcome.err
