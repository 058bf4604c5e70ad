"""What can be wrong with a text-prompted checkpoint, its options and its phrases: one line each."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lit_samseg.concepts import BoxesByText, ConceptSegmenter, HubConcepts
from lit_samseg.errors import InputError
from tests.cache.counting import CountingSam
from tests.concepts import tiny_text_prompted as tiny

LIMITS = {"sam3": 32, "sam3_lite_text": 32, "clipseg": 77, "grounding-dino": 40, "owlv2": 16}
# Tokens of start and end, and the full stop.
OWN_TOKENS = {"grounding-dino": 3}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tiny.save(name, tmp_path_factory.mktemp(name)) for name in LIMITS}


def load(folder: Path, **options: Any) -> ConceptSegmenter:
    if "clip" not in folder.name and "sam3" not in folder.name:
        return BoxesByText(str(folder), CountingSam(), **options)
    return HubConcepts(str(folder), **options)


@pytest.mark.parametrize("model_type", LIMITS)
def test_phrases_that_are_too_long(folders: dict[str, Path], model_type: str) -> None:
    concepts = load(folders[model_type])
    limit = LIMITS[model_type]
    fitting = " ".join("x" * (limit - OWN_TOKENS.get(model_type, 2)))
    concepts.check_phrases(["cat", fitting])
    said = concepts.segment(concepts.encode(tiny.picture(20, 30)), [fitting])
    assert said.presence.isfinite().all()
    for longer in (f"{fitting} y", f"{fitting} y z"):
        count = len(longer.split()) + OWN_TOKENS.get(model_type, 2)
        message = f"{concepts.checkpoint}: the phrase {longer!r} has {count} tokens with start and end, "
        message += f"and the network reads {limit}; say it in fewer words"
        with pytest.raises(InputError) as caught:
            concepts.check_phrases(["cat", longer])
        assert str(caught.value) == message
        with pytest.raises(InputError, match="say it in fewer words"):
            concepts.segment(concepts.encode(tiny.picture(20, 30)), ["cat", longer])


@pytest.mark.parametrize("model_type", ["clipseg", "owlv2"])
def test_empty_phrases(folders: dict[str, Path], model_type: str) -> None:
    concepts = load(folders[model_type])
    with pytest.raises(InputError, match="an empty phrase means nothing; give a word"):
        concepts.segment(concepts.encode(tiny.picture(20, 30)), ["cat", "  "])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"phrases_at_once": 0}, r"phrases_at_once is 0; give 1 or more, or null"),
        ({"least_score": 1.5}, r"the least score is 1.5; give a number from 0 to 1"),
        ({"most_instances": 0}, r"most_instances is 0; give 1 or more"),
        ({"precision": "fp8"}, r"precision is 'fp8'"),
    ],
)
def test_options_out_of_range(folders: dict[str, Path], options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load(folders["clipseg"], **options)


def test_thresholds_out_of_range(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"BoxesByText: the least score is -1; give a number from 0 to 1"):
        load(folders["owlv2"], threshold=-1)


def test_the_class_that_reads_a_checkpoint(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="describes 'owlv2'; HubConcepts reads sam3, sam3_video, sam3_lite_text, clip"):
        HubConcepts(str(folders["owlv2"]))
    with pytest.raises(InputError, match=r"describes 'clipseg'; BoxesByText reads grounding-dino, owlv2$"):
        BoxesByText(str(folders["clipseg"]), CountingSam())


def rewrite(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def broken(folder: Path) -> None:
        settings = json.loads((folder / name).read_text())
        change(settings)
        (folder / name).write_text(json.dumps(settings))

    return broken


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("model_type", "damage", "complaint"),
    [
        ("sam3", remove("config.json"), r"has no .*config\.json; give a folder with config\.json"),
        ("sam3", remove("model.safetensors"), r"no such weight file: .*; give the folder of a whole checkpoint"),
        ("sam3", remove("processor_config.json"), r"has no preprocessor_config\.json; download the whole checkpoint"),
        ("sam3", remove("tokenizer.json"), r"has no tokenizer \(tokenizer\.json, or vocab\.json and merges\.txt\)"),
        ("grounding-dino", remove("tokenizer.json"), r"has no tokenizer \(tokenizer\.json, or vocab\.txt\); download"),
        ("clipseg", lambda folder: (folder / "tokenizer.json").write_text("{"), r"has no usable tokenizer \(.*again$"),
        (
            "clipseg",
            rewrite("config.json", lambda c: c["vision_config"].update(hidden_size="wide")),
            r"config\.json cannot be used \(.*\); download it again",
        ),
        (
            "clipseg",
            rewrite("config.json", lambda c: c["text_config"].update(vocab_size=20)),
            r"does not fit CLIPSegForImageSegmentation \(clipseg\): tensors 1 misshapen",
        ),
        (
            "sam3",
            rewrite("processor_config.json", lambda c: c["image_processor"].update(size={"height": 70, "width": 70})),
            r"prepares images as 70 x 70 pixels, and its network takes 56; download the whole checkpoint",
        ),
        (
            "owlv2",
            rewrite("processor_config.json", lambda c: c["image_processor"].update(size={"height": 64, "width": 64})),
            r"prepares images as 64 x 64 pixels, and its network takes 48; download the whole checkpoint",
        ),
        (
            "clipseg",
            rewrite("processor_config.json", lambda c: c["image_processor"].update(size={"shortest_edge": 48})),
            r"prepares images as 48 x 72 pixels, and its network takes squares; download the whole checkpoint",
        ),
        (
            "clipseg",
            rewrite("processor_config.json", lambda c: c["image_processor"].update(image_mean="grey")),
            r"has image processor settings that cannot be used \(.*\); download it again",
        ),
    ],
)
def test_broken_folders(
    folders: dict[str, Path], tmp_path: Path, model_type: str, damage: Callable[[Path], None], complaint: str
) -> None:
    folder = tmp_path / model_type
    shutil.copytree(folders[model_type], folder)
    damage(folder)
    with pytest.raises(InputError, match=complaint) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_of_another_network(folders: dict[str, Path], tmp_path: Path) -> None:
    """Its words would be looked for behind the end of the network's table."""
    folder = tmp_path / "clipseg"
    shutil.copytree(folders["clipseg"], folder)
    tokenizer = tiny.clip_tokenizer()
    tokenizer.add_tokens(["aeroplane"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(InputError, match=r"has a tokenizer that numbers more words than the \d+ of its network"):
        load(folder)


@pytest.mark.parametrize("model_type", ["clipseg", "owlv2"])
def test_settings_in_files_of_their_own(folders: dict[str, Path], tmp_path: Path, model_type: str) -> None:
    """As older releases wrote them: the image processor's alone, and the tokenizer's vocabulary as text."""
    folder = tmp_path / model_type
    shutil.copytree(folders[model_type], folder)
    settings = json.loads((folder / "processor_config.json").read_text())["image_processor"]
    (folder / "processor_config.json").unlink()
    (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"size": settings["size"]["height"]}))
    whole = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(whole["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in whole["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    image = tiny.picture(40, 61)
    one, other = load(folders[model_type]), load(folder)
    phrases = ["cat", "a dog", "thing 7"]
    said, again = (network.segment(network.encode(image), phrases) for network in (one, other))
    assert said.presence.tolist() == again.presence.tolist()
    assert (said.evidence() == again.evidence()).all()
