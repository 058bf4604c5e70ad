"""What is asked for each class: the shipped phrases, files of one's own, and what cannot be asked."""

from pathlib import Path

import pytest
import yaml

from lit_samseg.concepts import read_ontology
from lit_samseg.data import ADE20K, VOC2012, CamVid, Cityscapes, Scenes
from lit_samseg.data.coco_classes import COCO_NAMES, PANOPTIC_IDS, STUFF_IDS
from lit_samseg.data.datamodule import SegmentationDataModule
from lit_samseg.errors import InputError
from lit_samseg.ontologies import find_phrases, read_phrases, shipped_names, shipped_phrases
from lit_samseg.ontologies.phrases import as_yaml
from tests.conftest import PROJECT, RunCli

DATA: list[type[SegmentationDataModule]] = [ADE20K, CamVid, Cityscapes, Scenes, VOC2012]
NAMES = ("background", "cat", "dog", "red_fox")


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text: str, folder: Path, background: int | None = 0) -> str:
    path = write(folder, text)
    with pytest.raises(InputError) as refused:
        read_ontology(path, NAMES, background)
    message = str(refused.value)
    assert message.startswith(f"ontology {path} ")
    assert "\n" not in message
    return message.removeprefix(f"ontology {path} ")


@pytest.mark.parametrize("kind", DATA, ids=lambda kind: kind.name)
def test_each_data_set_has_phrases_of_its_own(kind: type[SegmentationDataModule]) -> None:
    found = read_ontology(None, kind.class_names, kind.background, kind.name)
    assert found.source == kind.name
    assert found.of_class_names == kind.class_names
    assert found.classes == tuple(n for n in range(len(kind.class_names)) if n != kind.background)
    assert all(1 <= len(own) <= 3 for own in found.phrases)
    # Short noun phrases, each of one class.
    assert len(set(found.asked)) == len(found.asked)
    assert max(len(phrase.split()) for phrase in found.asked) <= 3
    assert all(phrase == phrase.strip().lower() for phrase in found.asked)
    # A file's order is that of the ids, so that it can stand for them.
    assert tuple(shipped_phrases(kind.name)) == kind.class_names


def test_what_is_shipped_is_named() -> None:
    assert shipped_names() == tuple(sorted(kind.name for kind in DATA))


def test_phrases_of_the_built_in_world() -> None:
    found = read_ontology("scenes", Scenes.class_names, 0)
    assert dict(zip((Scenes.class_names[n] for n in found.classes), found.phrases, strict=True)) == {
        "ball": ("ball", "sphere"),
        "ring": ("ring", "hoop"),
        "crate": ("crate", "wooden box"),
        "lamp": ("lamp", "desk lamp"),
        "cart": ("cart", "trolley"),
        "tripod": ("tripod", "camera stand"),
        "plant": ("plant", "potted plant"),
        "fish": ("fish",),
    }


def test_phrases_go_with_names_not_places() -> None:
    names = ("person", "background", *reversed(VOC2012.class_names[1:15]), *VOC2012.class_names[16:])
    found = read_ontology(None, names, 1, "folder")
    assert found.source == "voc2012"
    assert found.classes == (0, *range(2, 21))
    assert found.phrases[0] == ("person", "people")
    assert found.phrases[found.classes.index(names.index("aeroplane"))] == ("airplane", "plane")
    without = read_ontology(None, VOC2012.class_names[1:], None)
    assert (without.source, without.classes) == ("voc2012", tuple(range(20)))


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = write(tmp_path, "red_fox: Red   fox\ndog: null\ncat: [cat, 'kitten ']\n")
    found = read_ontology(path, NAMES, 0)
    assert found.classes == (1, 3)
    assert found.phrases == (("cat", "kitten"), ("Red fox",))
    assert found.asked == ("cat", "kitten", "Red fox")
    assert found.class_of_asked == (1, 1, 3)
    assert found.source == str(path)


def test_what_answers_depend_on(tmp_path: Path) -> None:
    """Not where the phrases are from, nor the order of the file's lines."""
    one = read_ontology(write(tmp_path, "cat: cat\ndog: dog\nred_fox: fox\n"), NAMES, 0)
    same = read_ontology(write(tmp_path, "red_fox: [fox]\nbackground: null\ndog: dog\ncat: cat\n"), NAMES, 0)
    other = read_ontology(write(tmp_path, "cat: cat\ndog: hound\nred_fox: fox\n"), NAMES, 0)
    swapped = read_ontology(write(tmp_path, "cat: dog\ndog: cat\nred_fox: fox\n"), NAMES, 0)
    elsewhere = read_ontology(write(tmp_path, "cat: cat\ndog: dog\nred_fox: fox\n"), (*NAMES[1:], NAMES[0]), 3)
    assert one.sha256 == same.sha256
    assert len({found.sha256 for found in (one, other, swapped, elsewhere)}) == 4


def test_names_are_phrases_where_nothing_fits() -> None:
    found = read_ontology(None, NAMES, 0, "pets")
    assert (found.source, found.asked, found.classes) == ("class names", ("cat", "dog", "red fox"), (1, 2, 3))


def test_synonyms_in_names() -> None:
    """As objectInfo150.txt has them: a word of several classes is left to the one whose first it is."""
    names = ("Screen; screen", "blind, screen", "crt screen, screen", "bar, pole", "post, pole")
    found = read_ontology(None, names, None)
    assert found.phrases == (("screen",), ("blind",), ("crt screen",), ("bar",), ("post",))


@pytest.mark.parametrize("ids", [STUFF_IDS, PANOPTIC_IDS], ids=["stuff", "panoptic"])
def test_coco_s_names_lose_their_endings(ids: tuple[int, ...]) -> None:
    names = tuple(COCO_NAMES[number] for number in ids)
    found = read_ontology(None, names, None)
    assert len(found.classes) == len(names)
    by_name = dict(zip(names, found.phrases, strict=True))
    some = {"sky-other": "sky", "sky-other-merged": "sky", "mirror-stuff": "mirror", "traffic light": "traffic light"}
    assert all(by_name[name] == (phrase,) for name, phrase in some.items() if name in by_name)


@pytest.mark.parametrize("name", ["class_2", "LABEL_2", "2", "; ,"])
def test_a_name_that_says_nothing(name: str) -> None:
    with pytest.raises(InputError, match=f"the class '{name}' has a name that says nothing in words; give an ontology"):
        read_ontology(None, ("cat", name), None)


def test_names_that_say_the_same() -> None:
    with pytest.raises(
        InputError, match=r"class names has 'fire dog' for both 'fire_dog' and 'Fire dog'; .* in a file of"
    ):
        read_ontology(None, ("fire_dog", "Fire dog"), None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cat: []\ndog: dog\nred_fox: fox", "has no phrases for 'cat'; give one, or write 'cat: null'"),
        ("cat: ' '\ndog: dog\nred_fox: fox", "has no phrases for 'cat'"),
        ("cat: [cat, '']\ndog: dog\nred_fox: fox", "has no phrases for 'cat'"),
        ("cta: cat\ndog: dog\nred_fox: fox", "has 'cta', which is no class of the data set; did you mean 'cat'?"),
        ("ship: ship", "has 'ship', which is no class of the data set; there are background, cat, dog, red_fox"),
        ("cat: cat\nred_fox: fox", "lacks the class 'dog'; give it phrases, or write 'dog: null'"),
        ("cat: cat\ndgo: null\nred_fox: fox", "lacks the class 'dog'"),
        ("background: wall\ncat: cat\ndog: dog\nred_fox: fox", "has phrases for 'background', the background, which"),
        ("cat: [cat, pet]\ndog: [dog, Pet]\nred_fox: fox", "has 'Pet' for both 'cat' and 'dog'; leave it to one"),
        ("cat: [cat, Cat]\ndog: dog\nred_fox: fox", "gives a phrase of 'cat' twice: cat, Cat; leave one of them"),
        ("cat: null\ndog: null\nred_fox: null", "asks for no class; give at least one of them phrases"),
        ("cat: cat\ncat: kitten", "gives 'cat' twice (line 1); leave one of them"),
        ("- cat\n- dog", "is no mapping; it must hold a line 'class: [phrase, another]' for each class"),
        ("", "is empty; it must hold a line"),
        ("cat: [cat", "is not YAML ("),
        ("no: cat", "has the class False, which YAML reads as no text; write it in quotes"),
        ("cat: yes", "has True for 'cat', which YAML reads as no text; write it in quotes"),
        ("cat: [cat, 7]", "has 7 for 'cat'"),
        ("cat: [cat, null]", "has None for 'cat'"),
        ("cat: {big: cat}", "has {'big': 'cat'} for 'cat'"),
    ],
)
def test_what_cannot_be_asked(text: str, complaint: str, tmp_path: Path) -> None:
    assert refusal(text, tmp_path).startswith(complaint)


def test_a_class_that_is_background_elsewhere(tmp_path: Path) -> None:
    text = "background: wall\ncat: cat\ndog: dog\nred_fox: fox"
    assert read_ontology(write(tmp_path, text), NAMES, None).asked == ("wall", "cat", "dog", "fox")
    assert "lacks the class 'background'" in refusal("cat: cat\ndog: dog\nred_fox: fox", tmp_path, background=None)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("cat: [chat, \xe9]".encode("latin-1"))
    with pytest.raises(InputError, match=f"ontology {path} is not a text file in UTF-8"):
        read_phrases(path)
    with pytest.raises(InputError, match=f"ontology {tmp_path} is a folder; give a YAML file"):
        find_phrases(tmp_path)
    with pytest.raises(InputError, match=r"no ontology 'voc2021': no such file, .*; did you mean voc2012\?"):
        read_ontology("voc2021", VOC2012.class_names, 0)


def test_a_shipped_one_for_other_classes() -> None:
    with pytest.raises(InputError, match="ontology voc2012 has 'aeroplane', which is no class of the data set"):
        read_ontology("voc2012", NAMES, 0)


@pytest.mark.parametrize("name", [kind.name for kind in DATA])
def test_the_command_prints_what_can_be_given_back(name: str, run_cli: RunCli, tmp_path: Path) -> None:
    printed = run_cli("classes", name)
    assert (printed.code, printed.err) == (0, "")
    assert printed.out == (PROJECT / f"lit_samseg/ontologies/{name}.yaml").read_text(encoding="utf-8")
    again = run_cli("classes", write(tmp_path, printed.out))
    assert again.out == printed.out
    assert read_phrases(tmp_path / "mine.yaml") == shipped_phrases(name)


def test_odd_words_are_printed_so_that_they_are_read_again(tmp_path: Path) -> None:
    phrases = {"no": ("yes", "null"), "a: b": None, "# 1": ("été, hiver", "[x]", "'"), "7": ("1e3",)}
    assert read_phrases(write(tmp_path, as_yaml(phrases))) == phrases
    assert yaml.safe_load(as_yaml({"cat": ("cat", "kitten")})) == {"cat": ["cat", "kitten"]}


def test_the_command_lists_what_there_is(run_cli: RunCli) -> None:
    listed = run_cli("classes")
    assert listed.code == 0
    lines = listed.out.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped_names())
    assert lines[-1] == "voc2012       20 classes,   34 phrases: aeroplane, bicycle, bird, boat, bottle, ..."


def test_mistakes_in_the_command(run_cli: RunCli, tmp_path: Path) -> None:
    for words, complaint in (
        (("voc2021",), "did you mean voc2012?"),
        (("nowhere.yaml",), "no ontology 'nowhere.yaml': no such file"),
        ((write(tmp_path, "cat: []"),), "has no phrases for 'cat'"),
    ):
        outcome = run_cli("classes", *words)
        assert outcome.code == 2
        assert complaint in outcome.err
        assert outcome.err.count("\n") == 1
        assert outcome.out == ""
    assert run_cli("classes", "voc2012", "camvid").code == 2
    assert "voc2012" in run_cli("classes", "--help").out
    assert "did you mean classes?" in run_cli("clases").err
