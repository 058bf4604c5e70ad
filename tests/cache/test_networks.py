"""A cached network gives what the network gives, and is asked for nothing twice."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lit_samseg.baselines import Baseline, MobileNetV2DeepLab, Precomputed
from lit_samseg.cache import CachedBaseline, CachedSegmenter, TensorStore, cache_networks, cache_use, key, segmenter
from lit_samseg.data import Sample
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.sam import Embedding, SegmentAnything
from tests.cache.counting import CountingBaseline, CountingSam
from tests.refine.fake_sam import BoxFillingSam

IMAGES = [torch.full((3, 5, 7), n, dtype=torch.uint8) for n in range(4)]


@pytest.fixture
def store(tmp_path: Path) -> TensorStore:
    return TensorStore(tmp_path, 10**8)


def same(one: Embedding, other: Embedding) -> bool:
    pairs = list(zip((one.features, *one.levels), (other.features, *other.levels), strict=True))
    return (
        one.frame == other.frame
        and type(one.frame) is type(other.frame)
        and all(a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a, b) for a, b in pairs)
    )


def test_embeddings_come_back_to_the_bit_and_only_missing_ones_are_computed(store: TensorStore) -> None:
    sam = CountingSam()
    first = CachedSegmenter(sam, store).encode(IMAGES[1:3])
    second = CachedSegmenter(sam, store)
    found = second.encode(IMAGES)
    assert sam.calls == [2, 2]
    assert (second.hits, second.misses) == (2, 2)
    for image, embedding in zip(IMAGES, found, strict=True):
        assert same(embedding, sam.one(image))
    assert all(same(a, b) for a, b in zip(first, found[1:3], strict=True))
    second.encode(IMAGES)
    assert sam.calls == [2, 2]


def test_fp16_is_near_smaller_and_the_same_whether_found_or_computed(store: TensorStore) -> None:
    computed = CachedSegmenter(CountingSam(), store, "fp16").encode(IMAGES)
    sam = CountingSam()
    found = CachedSegmenter(sam, store, "fp16").encode(IMAGES)
    assert sam.calls == []
    for a, b, image in zip(computed, found, IMAGES, strict=True):
        assert same(a, b)
        exact = sam.one(image)
        assert a.features.dtype == torch.float32
        assert torch.allclose(a.features, exact.features, rtol=1e-3, atol=1e-6)
        assert torch.equal(a.levels[0], exact.levels[0].half().float())


def test_numbers_beyond_fp16_stay_exact(store: TensorStore) -> None:
    cached = CachedSegmenter(CountingSam(scale=1e6), store, "fp16")
    for _ in range(2):
        assert torch.equal(cached.encode(IMAGES[:1])[0].features, CountingSam(scale=1e6).one(IMAGES[0]).features)


CHANGES: dict[str, Callable[[TensorStore], tuple[CachedSegmenter, Tensor]]] = {
    "weights": lambda store: (CachedSegmenter(CountingSam(sha256="b"), store), IMAGES[0]),
    "setting": lambda store: (CachedSegmenter(CountingSam(scale=2), store), IMAGES[0]),
    "precision": lambda store: (CachedSegmenter(CountingSam(precision="bf16"), store), IMAGES[0]),
    "frame": lambda store: (CachedSegmenter(CountingSam(size=32), store), IMAGES[0]),
    "dtype": lambda store: (CachedSegmenter(CountingSam(), store, "fp16"), IMAGES[0]),
    "shape": lambda store: (CachedSegmenter(CountingSam(), store), IMAGES[0].reshape(3, 7, 5)),
    "layout": lambda store: (CachedSegmenter(CountingSam(), store), IMAGES[0].mT.contiguous().mT),
    "pixel": lambda store: (
        CachedSegmenter(CountingSam(), store),
        IMAGES[0].index_put([torch.tensor(i) for i in (2, 4, 6)], torch.tensor(1, dtype=torch.uint8)),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_an_embedding_makes_it_a_miss(change: str, store: TensorStore) -> None:
    CachedSegmenter(CountingSam(), store).encode(IMAGES[:1])
    cached, image = CHANGES[change](store)
    cached.encode([image])
    assert (cached.hits, cached.misses) == (0, 1)
    cached.encode([image])
    assert (cached.hits, cached.misses) == (1, 1)


@pytest.mark.parametrize(
    ("place", "what", "value"), [(key, "_libraries", {"torch": "0.1"}), (segmenter, "code_digest", "another")]
)
def test_other_libraries_or_code_are_a_miss(
    place: ModuleType, what: str, value: object, store: TensorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    CachedSegmenter(CountingSam(), store).encode(IMAGES[:1])
    monkeypatch.setattr(place, what, lambda *_: value)
    cached = CachedSegmenter(CountingSam(), store)
    cached.encode(IMAGES[:1])
    assert cached.misses == 1


@pytest.mark.parametrize("offset", [0, 5, 250, 300, -3, 40_000, 2**40])
def test_label_maps_come_back_as_int64_of_any_range(offset: int, store: TensorStore) -> None:
    image = torch.arange(105, dtype=torch.uint8).reshape(3, 5, 7)
    baseline = CountingBaseline(offset=offset)
    for _ in range(2):
        labels = CachedBaseline(baseline, store).label_map(image, "x")
        assert labels.dtype == torch.int64
        assert torch.equal(labels, image[0].long() + offset)
    assert baseline.calls == 1


def test_label_maps_are_kept_in_few_bytes(store: TensorStore) -> None:
    CachedBaseline(CountingBaseline(), store).label_map(torch.zeros(3, 200, 300, dtype=torch.uint8), "x")
    [path] = store.folder.glob("*/*")
    assert path.stat().st_size < 200 * 300 + 1000


@pytest.mark.parametrize("other", [CountingBaseline(sha256="b"), CountingBaseline(offset=1)])
def test_another_baseline_finds_nothing(other: CountingBaseline, store: TensorStore) -> None:
    CachedBaseline(CountingBaseline(), store).label_map(IMAGES[0], "x")
    cached = CachedBaseline(other, store)
    cached.label_map(IMAGES[0], "x")
    assert (cached.hits, cached.misses) == (0, 1)


def test_a_cached_network_says_of_itself_what_the_network_does(store: TensorStore) -> None:
    sam, baseline = CountingSam(precision="fp16"), CountingBaseline()
    cached_sam, cached_baseline = CachedSegmenter(sam, store), CachedBaseline(baseline, store)
    for name in ("name", "checkpoint", "sha256", "precision", "identity"):
        assert getattr(cached_sam, name) == getattr(sam, name)
    for name in ("name", "checkpoint", "sha256", "num_classes", "class_names", "first_class", "identity"):
        assert getattr(cached_baseline, name) == getattr(baseline, name)
    assert cached_sam.frame(IMAGES[0]) == sam.frame(IMAGES[0])
    embedding = cached_sam.encode(IMAGES[:1])[0]
    assert cached_sam.decode(embedding, [], multimask=False).low_res_logits.shape == (0, 1, 4, 4)
    with pytest.raises(InputError):
        cached_baseline.check_classes(("a", "b"))


def test_a_damaged_entry_is_computed_again(store: TensorStore, caplog: pytest.LogCaptureFixture) -> None:
    sam = CountingSam()
    CachedSegmenter(sam, store).encode(IMAGES[:1])
    [path] = store.folder.glob("*/*")
    path.write_bytes(path.read_bytes()[:-1] + b"\x11")
    with caplog.at_level(logging.WARNING):
        assert same(CachedSegmenter(sam, store).encode(IMAGES[:1])[0], sam.one(IMAGES[0]))
    assert str(path) in caplog.text
    assert sam.calls == [1, 1]
    CachedSegmenter(sam, store).encode(IMAGES[:1])
    assert sam.calls == [1, 1]


def test_networks_that_do_not_say_what_decides_their_output_are_not_cached(tmp_path: Path) -> None:
    class Stranger(SegmentAnything):
        """May compute anything."""

    class OtherStranger(MobileNetV2DeepLab):
        """May compute anything."""

    baseline, sam = OtherStranger("demo"), Stranger("demo")
    assert baseline.identity is None
    assert sam.identity is None
    assert cache_networks(baseline, sam, str(tmp_path)) == (baseline, sam)
    assert BoxFillingSam().identity is None
    assert cache_use(baseline, sam, None) is None


def test_label_maps_that_are_files_are_not_copied(tmp_path: Path) -> None:
    baseline, sam = cache_networks(Precomputed(str(tmp_path)), CountingSam(), str(tmp_path / "cache"), "fp16")
    assert isinstance(baseline, Precomputed)
    assert cache_use(baseline, sam, None) == {"dtype": "fp16", "embeddings": {"hits": 0, "misses": 0}}


def test_the_second_evaluation_calls_neither_network(tmp_path: Path) -> None:
    image = torch.randint(0, 2, (3, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    for n, variants in enumerate((["box"], ["point", "points+box"])):
        baseline, sam = CountingBaseline(), CountingSam()
        evaluation = SamSegEvaluation(baseline, sam, variants, cache_dir=str(tmp_path), class_names=("a", "b", "c"))
        evaluation.label_maps([Sample("x", image, None)])
        assert (baseline.calls, len(sam.calls)) == ((0, 0) if n else (1, 1))
        use = {"hits": n, "misses": 1 - n}
        assert cache_use(evaluation.baseline, evaluation.sam, None) == {
            "dtype": "fp32",
            "embeddings": use,
            "label_maps": use,
        }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache_dtype": "bf16"}, "cache_dtype is 'bf16'; it is fp32 or fp16"),
        ({"cache_max_gb": 0}, "cache_max_gb is 0"),
        ({"cache_max_gb": -1.0}, "cache_max_gb is -1"),
        ({"cache_max_gb": math.nan}, "cache_max_gb is nan"),
        ({"cache_max_gb": math.inf}, "cache_max_gb is inf"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        SamSegEvaluation(
            CountingBaseline(), CountingSam(), cache_dir=str(tmp_path), class_names=("a", "b", "c"), **options
        )


def test_without_a_folder_nothing_is_wrapped() -> None:
    baseline, sam = CountingBaseline(), CountingSam()
    evaluation = SamSegEvaluation(baseline, sam, class_names=("a", "b", "c"))
    assert evaluation.baseline is baseline
    assert evaluation.sam is sam


def test_a_wrapped_network_moves_with_the_evaluation(store: TensorStore) -> None:
    sam = CountingSam()
    sam.layer = nn.Linear(1, 1)
    CachedSegmenter(sam, store).to("meta")
    assert sam.layer.weight.device.type == "meta"


def test_the_built_in_networks_come_back_to_the_bit(store: TensorStore) -> None:
    image = torch.randint(0, 256, (90, 120, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    image = image.permute(2, 0, 1)
    sam, baseline = SegmentAnything("demo"), MobileNetV2DeepLab("demo")
    cached_sam, cached_baseline = CachedSegmenter(sam, store), CachedBaseline(baseline, store)
    embedding, labels = sam.encode([image])[0], baseline.label_map(image, "x")
    for _ in range(2):
        assert same(cached_sam.encode([image])[0], embedding)
        assert torch.equal(cached_baseline.label_map(image, "x"), labels)
    assert (cached_sam.hits, cached_baseline.hits) == (1, 1)


@pytest.mark.gpu
def test_a_gpus_entries_are_its_own_and_come_back_to_it(store: TensorStore) -> None:
    sam, baseline = SegmentAnything("demo"), MobileNetV2DeepLab("demo")
    image = torch.randint(0, 256, (3, 90, 120), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    networks: list[tuple[CachedSegmenter, Baseline]] = []
    for device in ("cpu", "cuda", "cuda"):
        cached_sam, cached_baseline = CachedSegmenter(sam, store).to(device), CachedBaseline(baseline, store).to(device)
        embedding = cached_sam.encode([image.to(device)])[0]
        labels = cached_baseline.label_map(image.to(device), "x")
        assert embedding.features.device.type == labels.device.type == device
        networks.append((cached_sam, cached_baseline))
    assert [(s.hits, b.hits) for s, b in networks] == [(0, 0), (0, 0), (1, 1)]
