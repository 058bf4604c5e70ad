"""The joint bootstrap against plain loops, the paired bootstrap, and what must hold of shared images."""

import numpy as np
import pytest

from lit_samseg.metrics.bootstrap import bootstrap_differences
from lit_samseg.metrics.paired import METRICS, PRIMARY_METRIC, PairedCounts
from lit_samseg.pooling.joint_bootstrap import PairCounts, covariance_of, groups, joint_bootstrap
from tests.metrics.paired_rows import difference_by_score, some_counts

PRIMARY = METRICS.index(PRIMARY_METRIC)
IDS = [f"image {n:02}" for n in range(40)]


def alike(seed: int, images: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Counts of two baselines on the same images, where what helps one mostly helps the other."""
    first, other = some_counts(seed, images=images), some_counts(seed + 1000, images=images)
    mixed = first.copy()
    mixed[:, 0, :, :3] = (2 * first[:, 0, :, :3] + np.minimum(other[:, 0], first[:, 1])[:, :, :3]) // 3
    mixed[:, 2, :, :3] = mixed[:, 0, :, :3] + 20
    return first, mixed


def by_loops(pairs: list[PairCounts], row: int, resamples: int, seed: int) -> np.ndarray:
    """Resample the union of the ids one by one, and score each pair's copy of what was drawn, ``[B, K]``."""
    numbers = np.random.default_rng(seed)
    names = sorted({(pair.key, image) for pair in pairs for image in pair.ids})
    found = np.empty((resamples, len(pairs)))
    for b in range(resamples):
        drawn = [names[n] for n in numbers.integers(len(names), size=len(names))]
        for k, pair in enumerate(pairs):
            own = [pair.ids.index(image) for key, image in drawn if key == pair.key and image in pair.ids]
            found[b, k] = difference_by_score(pair.counts[row][:, own], pair.counts[0][:, own])[PRIMARY]
    return found


def correlation(resampled: np.ndarray) -> float:
    return float(np.corrcoef(resampled, rowvar=False)[0, 1])


def test_pairs_of_the_same_images_move_as_in_a_plain_loop() -> None:
    first, mixed = alike(1)
    pairs = [PairCounts("VOC", IDS, first, [1, 2]), PairCounts("VOC", IDS, mixed, [1, 2])]
    found = joint_bootstrap(pairs, 4000)
    assert found.shape == (4000, 2, 2)
    slow = by_loops(pairs, 1, 500, seed=5)
    # Of 500, a correlation of 0.7 is known to 0.02, a standard error to 3.2 %.
    assert correlation(found[:, :, 0]) > 0.5
    assert correlation(found[:, :, 0]) == pytest.approx(correlation(slow), abs=0.06)
    np.testing.assert_allclose(found[:, :, 0].std(axis=0), slow.std(axis=0), rtol=0.12)
    np.testing.assert_allclose(found[:, :, 0].mean(axis=0), slow.mean(axis=0), atol=4 * slow.std() / np.sqrt(500))


def test_each_pair_moves_as_in_its_own_bootstrap() -> None:
    first, mixed = alike(2)
    found = joint_bootstrap([PairCounts("VOC", IDS, first, [1, 2]), PairCounts("VOC", IDS[::-1], mixed, [2, 1])], 4000)
    for counts, resampled in ((first, found[:, 0]), (mixed, found[:, 1, ::-1])):
        own = bootstrap_differences(PairedCounts.from_counts(counts), 4000)[:, PRIMARY].T
        np.testing.assert_allclose(resampled.std(axis=0), own.std(axis=0), rtol=0.06)
        np.testing.assert_allclose(
            np.quantile(resampled, [0.025, 0.5, 0.975], axis=0), np.quantile(own, [0.025, 0.5, 0.975], axis=0),
            atol=0.2 * own.std(),
        )  # fmt: skip


def test_pairs_that_overlap_in_part() -> None:
    """30 and 25 of 40 images, 15 of them in both: as in a loop over the union, and each as in its own bootstrap."""
    first, mixed = alike(3)
    pairs = [
        PairCounts("VOC", IDS[:30], first[:, :, :30], [1]),
        PairCounts("VOC", IDS[15:], mixed[:, :, 15:], [1]),
    ]
    found = joint_bootstrap(pairs, 4000)[:, :, 0]
    slow = by_loops(pairs, 1, 500, seed=6)
    assert correlation(found) == pytest.approx(correlation(slow), abs=0.12)
    for pair, resampled in zip(pairs, found.T, strict=True):
        own = bootstrap_differences(PairedCounts.from_counts(pair.counts), 4000)[0, PRIMARY]
        # Poisson adds 1 / (2 N), here 2 %.
        assert resampled.std() == pytest.approx(own.std(), rel=0.08)


def test_the_same_pair_twice_is_one() -> None:
    first, _ = alike(4)
    order = np.random.default_rng(0).permutation(40)
    turned = PairCounts("VOC", [IDS[n] for n in order], first[:, :, order], [1, 2])
    found = joint_bootstrap([PairCounts("VOC", IDS, first, [1, 2]), turned], 200)
    assert np.array_equal(found[:, 0], found[:, 1])
    covariance = covariance_of(found[:, :, 0])
    assert covariance[0, 1] == pytest.approx(covariance[0, 0], rel=1e-12)


def test_other_data_sets_are_independent() -> None:
    first, _ = alike(5)
    pairs = [PairCounts(key, IDS, first, [1]) for key in ("VOC", "CamVid", "VOC")]
    found = joint_bootstrap(pairs, 4000)[:, :, 0]
    assert abs(correlation(found[:, :2])) < 0.06
    assert groups(pairs) == [0, 1, 0]
    covariance = covariance_of(found, groups(pairs))
    assert covariance[0, 1] == covariance[1, 2] == 0
    np.testing.assert_allclose(np.diag(covariance), np.var(found, axis=0, ddof=1), rtol=1e-12)
    assert np.linalg.eigvalsh(covariance).min() >= -1e-15


def test_groups_are_of_images_shared_by_way_of_others() -> None:
    one = np.zeros((1, 3, 2, 1), np.int64)
    ids = [["a", "b"], ["e", "f"], ["b", "c"], ["g", "h"], ["c", "e"], ["a", "b"]]
    keys = ["VOC"] * 5 + ["ADE"]
    assert groups([PairCounts(key, i, one, []) for key, i in zip(keys, ids, strict=True)]) == [0, 0, 0, 3, 0, 5]


def test_neither_order_nor_company_nor_chunks_play_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    first, mixed = alike(6)
    pairs = [
        PairCounts("VOC", IDS[:30], first[:, :, :30], [1]),
        PairCounts("VOC", IDS[15:], mixed[:, :, 15:], [1]),
        PairCounts("ADE", IDS, mixed, [2]),
    ]
    found = joint_bootstrap(pairs, 300, seed=3)
    assert np.array_equal(joint_bootstrap(pairs[::-1], 300, seed=3), found[:, ::-1])
    assert np.array_equal(joint_bootstrap(pairs[2:], 300, seed=3), found[:, 2:])
    assert not np.array_equal(joint_bootstrap(pairs, 300, seed=4), found)
    monkeypatch.setattr(PairedCounts, "chunk", lambda self: 7)
    assert np.array_equal(joint_bootstrap(pairs, 300, seed=3), found)


def test_rows_that_a_pair_has_not_are_nan_and_the_baseline_is_0() -> None:
    first, mixed = alike(7)
    pairs = [PairCounts("VOC", IDS, first, [2, None, 0]), PairCounts("VOC", IDS, mixed, [None, 1, 2])]
    found = joint_bootstrap(pairs, 100)
    assert np.isnan(found[:, 0, 1]).all()
    assert np.isnan(found[:, 1, 0]).all()
    assert (found[:, 0, 2] == 0).all()
    assert np.isfinite(found[:, [0, 1, 1], [0, 1, 2]]).all()
    covariance = covariance_of(found[:, :, 1], groups(pairs))
    assert np.isnan(covariance[0]).all()
    assert np.isnan(covariance[:, 0]).all()
    assert covariance[1, 1] > 0


def test_one_image_says_nothing_of_others() -> None:
    first, mixed = alike(9)
    blind = mixed[:, :, :3].copy()
    blind[:, :, 1:] = 0
    pairs = [PairCounts("VOC", IDS, first, [1]), PairCounts("ADE", IDS[:1], mixed[:, :, :1], [1])]
    found = joint_bootstrap([*pairs, PairCounts("CamVid", IDS[:3], blind, [1])], 100)[:, :, 0]
    assert np.isnan(found[:, 1:]).all()
    assert np.isfinite(covariance_of(found)).sum() == 1


def test_resamples_of_nothing_but_void_are_left_out_for_all_pairs() -> None:
    resampled = np.array([[1.0, 2.0], [np.nan, 9.0], [3.0, 5.0], [2.0, 2.0]])
    expected = np.cov(resampled[[0, 2, 3]], rowvar=False)
    np.testing.assert_allclose(covariance_of(resampled), expected, rtol=1e-14)
    with pytest.raises(ValueError, match="give more"):
        covariance_of(resampled[:2])
    assert np.isnan(covariance_of(np.full((5, 2), np.nan))).all()


def test_what_does_not_fit_is_refused() -> None:
    first, _ = alike(8)
    with pytest.raises(ValueError, match="rows"):
        joint_bootstrap([PairCounts("VOC", IDS, first, [1]), PairCounts("VOC", IDS, first, [1, 2])])
    for ids in (IDS[:-1], [*IDS[:-1], IDS[0]]):
        with pytest.raises(ValueError, match="ids of VOC"):
            joint_bootstrap([PairCounts("VOC", ids, first, [1])])
    assert joint_bootstrap([], 10).shape == (10, 0, 0)
