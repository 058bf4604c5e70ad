"""The built-in world's network that is prompted by words."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
from lit_samseg.concepts import Concepts, TinyConcepts
from lit_samseg.concepts.words import BUCKETS, buckets_of, words_of
from lit_samseg.data.scene_generator import CLASS_NAMES, SPLIT_SEEDS, generate_scene
from lit_samseg.errors import InputError

WEIGHTS = DEMO_WEIGHTS / "concepts.safetensors"
SYNONYMS = {
    "ball": "sphere", "ring": "hoop", "crate": "wooden box", "lamp": "desk lamp", "cart": "trolley",
    "tripod": "camera stand", "plant": "potted plant",
}  # fmt: skip
SCENES = 24
NOTHING = ("giraffe", "helicopter", "xqzvw", "mountain bike", "escalator")


def scene(index: int) -> tuple[Tensor, Tensor]:
    """Return a scene of `val`: image uint8 [3, H, W] and labels [H, W]."""
    image, label = generate_scene(SPLIT_SEEDS["val"], index)
    return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(label)


@pytest.fixture(scope="module")
def words() -> TinyConcepts:
    return TinyConcepts()


def ask(words: TinyConcepts, image: Tensor, phrases: Sequence[str]) -> Concepts:
    return words.segment(words.encode(image), phrases)


def semantic_of(answer: Concepts) -> Tensor:
    assert answer.semantic is not None
    return answer.semantic


def test_the_weights_are_small_and_whole_matrices_lie_in_half_precision() -> None:
    assert WEIGHTS.stat().st_size < 3_000_000
    kinds = {(tensor.dim() > 1, tensor.dtype) for tensor in safetensors.torch.load_file(WEIGHTS).values()}
    assert kinds == {(True, torch.float16), (False, torch.float32), (False, torch.int64)}


def test_the_network_computes_with_the_numbers_of_the_file(words: TinyConcepts) -> None:
    stored = safetensors.torch.load_file(WEIGHTS)
    own = words.network.state_dict()
    assert own.keys() == stored.keys()
    for name, tensor in own.items():
        assert tensor.dtype in (torch.float32, torch.int64)
        assert torch.equal(tensor, stored[name].to(tensor.dtype)), name


def test_an_answer_is_the_same_alone_and_in_any_company(words: TinyConcepts) -> None:
    image, _ = scene(0)
    phrases = ["ball", "hoop", "giraffe", "a large wooden box", "fish", "BALL", "ball"]
    together = ask(words, image, phrases)
    backwards = ask(TinyConcepts(), image, phrases[::-1])
    assert len(together) == len(phrases)
    assert semantic_of(together).shape == (len(phrases), 80, 80)
    assert semantic_of(together).dtype == together.presence.dtype == torch.float32
    assert together.instances is None
    for n, phrase in enumerate(phrases):
        for other, k in ((ask(words, image, [phrase]), 0), (backwards, len(phrases) - 1 - n)):
            assert torch.equal(other.presence[k], together.presence[n])
            assert torch.equal(semantic_of(other)[k], semantic_of(together)[n])


def test_no_phrase_no_answer(words: TinyConcepts) -> None:
    answer = ask(words, scene(0)[0], [])
    assert len(answer) == 0
    assert semantic_of(answer).shape == (0, 80, 80)
    assert answer.evidence().shape == (0, 80, 80)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 3), (79, 161), (640, 427)])
def test_images_of_any_size(words: TinyConcepts, size: tuple[int, int]) -> None:
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, *size), np.uint8))
    answer = ask(words, image, ["ball", "nothing at all"])
    assert (answer.frame.height, answer.frame.width) == size
    assert answer.frame == words.frame(image)
    assert answer.presence.isfinite().all()
    assert ((answer.presence >= 0) & (answer.presence <= 1)).all()
    assert answer.frame.to_image(semantic_of(answer)).isfinite().all()
    assert answer.frame.to_image(answer.evidence()).shape == (2, *size)


def test_what_lies_in_the_padding_is_no_evidence(words: TinyConcepts) -> None:
    image, _ = scene(1)
    seen = words.encode(image[:, :64])
    height, width = seen.frame.resized
    assert height < width == 160
    before = words.segment(seen, ["ball"])
    # As if the network had seen a ball in the padding.
    asked = words.network.phrase("ball")
    with torch.inference_mode():
        seen.content.fine[:, -(-height // 2) :] = 100 * asked.fine[:48, None, None]
        seen.content.coarse[:, -(-height // 8) :] = 100 * asked.coarse[:48, None, None]
    after = words.segment(seen, ["ball"])
    assert semantic_of(after)[0, -1].min() > 100
    assert torch.equal(after.presence, before.presence)


def test_logits_and_presence_by_hand(words: TinyConcepts) -> None:
    """The comparison written another way, on one phrase."""
    image, _ = scene(2)
    seen = words.encode(image)
    answer = words.segment(seen, ["fish"])
    asked = words.network.phrase("fish")
    rows, columns = ((side + 1) // 2 for side in seen.frame.resized)
    fine = torch.zeros(80, 80)
    for y in range(0, 80, 7):
        for x in range(80):
            vector = seen.content.fine[:, y, x]
            fine[y, x] = torch.dot(vector, asked.fine[:48]) / 48**0.5 + asked.fine[48]
    torch.testing.assert_close(semantic_of(answer)[0, ::7], fine[::7], atol=1e-4, rtol=1e-4)
    kept = semantic_of(answer)[0, :rows, :columns].double().numpy()
    padded = np.pad(kept, 1, constant_values=np.nan)
    shifted = [padded[dy : dy + rows, dx : dx + columns] for dy in range(3) for dx in range(3)]
    strongest = np.nanmean(shifted, 0).max()
    area = np.log1p((1 / (1 + np.exp(-kept))).sum())
    coarse = torch.einsum("d,dhw->hw", asked.coarse[:48], seen.content.coarse) / 48**0.5 + asked.coarse[48]
    places = coarse[: -(-rows // 4), : -(-columns // 4)].double().exp().sum().log()
    first, last = words.network.presence[0], words.network.presence[2]
    hidden = F.relu(first.weight @ torch.tensor([strongest, area, places]).float() / 4 + first.bias)
    logit = last.weight[0] @ hidden + last.bias[0]
    torch.testing.assert_close(answer.presence[0], logit.sigmoid(), atol=1e-5, rtol=1e-4)


def test_a_phrase_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = TinyConcepts()
    asked: list[str] = []
    forward = fresh.network.phrase.forward
    monkeypatch.setattr(fresh.network.phrase, "forward", lambda phrase: asked.append(phrase) or forward(phrase))
    for index in range(3):
        ask(fresh, scene(index)[0], ["ball", "fish", "ball"])
    assert asked == ["ball", "fish"]


def test_other_precisions_round_and_answer_in_fp32(words: TinyConcepts) -> None:
    image, _ = scene(0)
    exact, rounded = ask(words, image, CLASS_NAMES[1:]), ask(TinyConcepts(precision="bf16"), image, CLASS_NAMES[1:])
    assert semantic_of(rounded).dtype == torch.float32
    assert not torch.equal(semantic_of(exact), semantic_of(rounded))
    torch.testing.assert_close(rounded.presence, exact.presence, atol=0.1, rtol=0)
    # A surrounding autocast changes nothing.
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(semantic_of(ask(words, image, ["ball"])), semantic_of(ask(words, image, ["ball"])))
        assert torch.equal(semantic_of(ask(words, image, CLASS_NAMES[1:])), semantic_of(exact))


def test_identity_is_weights_and_precision(tmp_path: Path) -> None:
    copy = str(shutil.copy(WEIGHTS, tmp_path / "copy.safetensors"))
    first = TinyConcepts().identity
    assert first is not None
    assert json.loads(first)["class"].endswith("TinyConcepts")
    assert TinyConcepts(copy).identity == first
    assert TinyConcepts(precision="bf16").identity != first
    state = safetensors.torch.load_file(copy)
    state["image.fine.bias"] += 1
    safetensors.torch.save_file(state, copy)
    assert TinyConcepts(copy).identity != first

    class Own(TinyConcepts):
        pass

    assert Own().identity is None


def test_words_and_their_parts() -> None:
    assert words_of("A wooden-box, 3 BALLS_and Bäume") == ["a", "wooden", "box", "balls", "and", "bäume"]
    assert words_of("12 _-") == []
    assert len(buckets_of("ball")) == 1 + 4
    assert len(buckets_of("a")) == 1 + 1
    assert set(buckets_of("ball")[1:-1]) <= set(buckets_of("balls"))
    # CRC-32 of `<ball>` and of its trigrams from the ends of what gzip made of them, modulo 2048.
    assert buckets_of("ball") == [378, 1293, 457, 477, 598]
    assert all(0 <= bucket < BUCKETS for bucket in buckets_of("Zoë"))


def test_bad_input(words: TinyConcepts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = scene(0)
    words.check_phrases(["ball " * 32])
    assert len(ask(words, image, ["ball " * 32])) == 1
    with pytest.raises(InputError, match=r"^demo: the phrase 'ball ball .* has 33 words; give 32 at most$"):
        ask(words, image, ["fish", "ball " * 33])
    with pytest.raises(InputError, match="empty phrase"):
        ask(words, image, ["fish", " "])
    with pytest.raises(InputError, match=r"^demo: the phrase '12 %' has no letter to read; give a word$"):
        ask(words, image, ["fish", "12 %"])
    with pytest.raises(InputError, match=r"no such weight file: .*nowhere\.safetensors"):
        TinyConcepts(str(tmp_path / "nowhere.safetensors"))
    with pytest.raises(InputError, match=r"sam\.safetensors does not fit TinyConcepts"):
        TinyConcepts(str(DEMO_WEIGHTS / "sam.safetensors"))
    with pytest.raises(InputError, match="precision is 'fp8'"):
        TinyConcepts(precision="fp8")  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    Path("demo").write_text("a file of the user's")
    with pytest.raises(InputError, match="'demo' is the name of a built-in network"):
        TinyConcepts()


@pytest.fixture(scope="module")
def answers(words: TinyConcepts) -> list[tuple[Concepts, Tensor]]:
    """Scenes of `val` with answers to every class, to other names, and to what means nothing."""
    phrases = [*CLASS_NAMES[1:], *SYNONYMS.values(), *NOTHING]
    return [(ask(words, image, phrases), label) for image, label in map(scene, range(SCENES))]


def test_things_that_are_there_are_said_to_be_there(answers: list[tuple[Concepts, Tensor]]) -> None:
    for k, name in enumerate(CLASS_NAMES[1:]):
        there = torch.tensor([bool((label == k + 1).any()) for _, label in answers])
        presence = torch.stack([answer.presence[k] for answer, _ in answers])
        # On 200 scenes at least 0.92 on average, and at most 0.052.
        assert 4 < there.sum() < SCENES - 4, name
        assert presence[there].mean() > 0.75, name
        assert presence[~there].mean() < 0.2, name


def test_masks_lie_on_their_things(answers: list[tuple[Concepts, Tensor]]) -> None:
    hits, unions = torch.zeros(8), torch.zeros(8)
    for answer, label in answers:
        found = answer.frame.to_image(answer.evidence()[:8]) > 0.5
        for k in range(8):
            true, known = label == k + 1, label != 255
            hits[k] += (found[k] & true & known).sum()
            unions[k] += ((found[k] | true) & known).sum()
    # On 200 scenes 0.883, and 0.840 for the hardest class.
    assert (hits / unions).mean() > 0.75
    assert (hits / unions).min() > 0.6


def test_words_find_what_the_baseline_misses(answers: list[tuple[Concepts, Tensor]]) -> None:
    baseline = MobileNetV2DeepLab("demo")
    missed = found = 0
    for index, (answer, label) in enumerate(answers):
        claimed = answer.frame.to_image(answer.evidence()[:8]) > 0.5
        base = baseline.logits(scene(index)[0]).argmax(0)
        for k in range(8):
            count, parts = cv2.connectedComponents((label == k + 1).numpy().astype(np.uint8))
            for inside in (torch.from_numpy(parts == part) for part in range(1, count)):
                if inside.sum() >= 20 and (base[inside] == k + 1).float().mean() < 0.2:
                    missed += 1
                    found += int(claimed[k][inside].float().mean() >= 0.5)
    # On 200 scenes 149 of 255.
    assert missed > 15
    assert found / missed > 0.4


def test_other_names_mean_the_same(answers: list[tuple[Concepts, Tensor]]) -> None:
    for n, name in enumerate(SYNONYMS):
        k = CLASS_NAMES.index(name) - 1
        own, other = (torch.stack([answer.presence[place] for answer, _ in answers]) for place in (k, 8 + n))
        assert (own - other).abs().mean() < 0.05, name


@pytest.mark.parametrize(("phrase", "own"), [("balls", "ball"), ("CRATES", "crate"), ("A photo of a Lamp.", "lamp")])
def test_plurals_capitals_and_words_around(words: TinyConcepts, phrase: str, own: str) -> None:
    apart = [ask(words, scene(index)[0], [phrase, own]).presence for index in range(8)]
    assert torch.stack([pair[0] - pair[1] for pair in apart]).abs().mean() < 0.1


def test_words_that_mean_nothing_are_not_there(answers: list[tuple[Concepts, Tensor]]) -> None:
    for n, phrase in enumerate(NOTHING):
        presence = torch.stack([answer.presence[8 + len(SYNONYMS) + n] for answer, _ in answers])
        assert presence.max() < 0.1, phrase
        assert all(float(answer.evidence()[8 + len(SYNONYMS) + n].max()) < 0.1 for answer, _ in answers), phrase
