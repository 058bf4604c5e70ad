"""Parts from outside the package: what they can do, and how those that fail are named."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from lit_samseg import Refiner
from lit_samseg.baselines import MobileNetV2DeepLab
from lit_samseg.data import Scenes
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import (
    PARTS,
    Decision,
    Region,
    Variant,
    option,
    parse_variant,
    parse_variants,
    part,
    refine,
    variant_of,
)
from lit_samseg.refine.prompt_requests import collect_requests
from lit_samseg.sam import Prompt
from tests.refine.contexts import context_of
from tests.refine.fake_sam import BoxFillingSam
from tests.refine.own_parts import Halo, Last

HERE = "tests.refine.own_parts"
LABELS = torch.zeros(12, 16, dtype=torch.int64)
LABELS[2:8, 3:9] = 1
FACTS: dict[str, Any] = {"class_names": Scenes.class_names, "background": 0}


def row(text: str, **options: dict[str, Any]) -> Variant:
    (variant,) = parse_variants([{"mine": {"row": text, **options}}], has_background=True)
    return variant


def test_a_prompt_from_outside() -> None:
    text = f"{HERE}:Halo@component"
    variant = parse_variant(text, has_background=True)
    assert variant.name == text
    assert parse_variant(variant.name, has_background=True) == variant
    refined = refine(context_of(LABELS), variant)
    expected = torch.zeros_like(LABELS)
    expected[0:11, 0:12] = 1
    assert torch.equal(refined, expected)
    wider = row(text, **{f"{HERE}:Halo": {"pixels": 1}})
    expected[:] = 0
    expected[1:9, 2:10] = 1
    assert torch.equal(refine(context_of(LABELS), wider), expected)
    assert variant.describe()["prompt"] == [
        {"word": f"{HERE}:Halo", "class": f"{HERE}:Halo", "options": {"pixels": 3.0}, "slot": "box"}
    ]
    assert variant.prompt[0].asks == "a box"


def test_it_takes_the_place_of_one_of_the_packages() -> None:
    with pytest.raises(InputError, match=r"'box' and 'tests\.refine\.own_parts:Halo' exclude each other"):
        parse_variant(f"box+{HERE}:Halo", has_background=True)
    assert parse_variant(f"{HERE}:Halo+point", has_background=True).recipe == ("point", f"{HERE}:Halo")
    with pytest.raises(InputError, match="is no prompt; it stands behind the @"):
        parse_variant(f"box+{HERE}:Last", has_background=True)
    with pytest.raises(InputError, match="is a prompt; it stands before the @"):
        parse_variant(f"box@{HERE}:Halo", has_background=True)


def test_selectors_gates_composers_and_starts_from_outside() -> None:
    def refined(words: str) -> list[int]:
        found = refine(context_of(LABELS), parse_variant(f"box@{words}", has_background=True))
        return [int((found == class_id).sum()) for class_id in (0, 1)]

    # The fake SAM's last candidate is empty, its first one fills the box.
    assert refined(f"{HERE}:Last") == [192, 0]
    assert refined(f"{HERE}:Inside") == [156, 36]
    assert refined(f"{HERE}:AllOnes") == [0, 192]
    assert refined(f"{HERE}:Empty") == [192, 0]
    halo = parse_variant(f"{HERE}:Halo@{HERE}:Inside", has_background=True)
    assert torch.equal(refine(context_of(LABELS), halo), LABELS)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", r"fails for a region of class 1: KeyError: 'raises'"),
        ("nothing", r"gives a NoneType, and no lit_samseg\.sam\.Prompt"),
        ("flat box", r"gives box as \[3\]; it must be \[4\]"),
        ("nan box", "gives box with NaN or infinity"),
        ("turned box", r"gives the box \[5\.0, 5\.0, 2\.0, 7\.0\]; it must be x_min, y_min, x_max, y_max"),
        ("flat points", r"gives points as \[2\]; it must be \[K, 2\]"),
        ("far points", "gives points with NaN or infinity"),
        ("small mask", r"gives mask as torch\.bool \[2, 2\]; it must be torch\.bool \[12, 16\]"),
        ("float mask", r"gives mask as torch\.float32 \[12, 16\]; it must be torch\.bool \[12, 16\]"),
        ("nan logits", "gives mask_logits with NaN or infinity"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_named(how: str, said: str) -> None:
    check_named(f"{HERE}:Wrong", f"{HERE}:Wrong", how, said)


def check_named(text: str, word: str, how: str, said: str) -> None:
    variant = row(text, **{word: {"how": how}})
    logits = torch.nn.functional.one_hot(LABELS, 2).permute(2, 0, 1) * 3.0
    with pytest.raises(InputError, match=said) as caught:
        refine(context_of(LABELS, logits=logits, num_classes=2), variant)
    assert str(caught.value).startswith(f"part {word} ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words", "how", "said"),
    [
        ("WrongSelector", "", "raises", "fails for a region of class 1: KeyError: 'raises'"),
        ("WrongSelector", "", "shape", r"gives its ratings as \[7\]; it must be \[3\]"),
        ("WrongSelector", "", "nan", "gives its ratings with NaN"),
        ("WrongSelector", "", "list", "gives a list for its ratings, and no tensor"),
        ("WrongGate", "", "raises", "fails for a region of class 1: KeyError"),
        ("WrongGate", "", "shape", r"gives its answer as \[2\]; it must be \[\]"),
        ("WrongGate", "", "bool", "gives a bool for its answer, and no tensor"),
        ("WrongComposer", "", "raises", "fails with the decisions about an image: KeyError"),
        ("WrongComposer", "", "shape", r"gives its label map as \[2, 2\]; it must be \[12, 16\]"),
        ("WrongComposer", "", "float", r"gives a label map of torch\.float32; it must be of integers"),
        ("WrongComposer", "", "none", "gives a NoneType for its label map, and no tensor"),
        ("WrongComposer", "", "class", r"gives label 3; labels are 0\.\.1, -1 for void"),
        ("WrongComposer", "", "below", r"gives label -2; labels are 0\.\.1, -1 for void"),
        ("WrongField", "fuse/", "raises", "fails with the scores: KeyError"),
        ("WrongField", "fuse/", "shape", r"gives scores as \[12, 16\]; it must be \[2, 12, 16\]"),
        ("WrongField", "fuse/", "nan", "gives scores with NaN"),
        ("WrongFinder", "", "raises", "fails for the components of class 1: KeyError"),
        ("WrongFinder", "", "none", "fails for the components of class 1: TypeError"),
        ("WrongFinder", "", "twice", r"gives groups \[\[0\], \[0\]\] of 1 components; .* none may be in two"),
        ("WrongFinder", "", "beyond", r"gives groups \[\[1\]\] of 1 components"),
        ("WrongFinder", "", "empty", r"gives groups \[\[\]\] of 1 components"),
        ("WrongFinder", "", "floats", r"gives groups \[\[0\.5\]\] of 1 components"),
        ("WrongStart", "", "raises", "fails with the baseline's label map: KeyError"),
        ("WrongStart", "", "shape", r"gives its label map as \[2, 16\]; it must be \[12, 16\]"),
        ("WrongStart", "", "float", r"gives a label map of torch\.float32; it must be of integers"),
    ],
)
def test_other_parts_that_cannot_be_used_are_named(name: str, words: str, how: str, said: str) -> None:
    check_named(f"box@{words}{HERE}:{name}", f"{HERE}:{name}", how, said)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (f"{HERE}:Undecorated", r"has an option 'weight'; write @dataclass\(frozen=True\) above its class"),
        (f"{HERE}:Demanding", "cannot be made without options .*; give its options defaults"),
        (f"{HERE}:Nobody", "cannot be imported: AttributeError"),
        ("no_such_package:Part", "cannot be imported: ModuleNotFoundError"),
        (f"{HERE}:HERE", "cannot be imported: AttributeError"),
        ("pathlib:Path", r"is no part of a row; it must be a class derived from lit_samseg\.refine\.part\.Part"),
    ],
)
def test_what_is_no_part(word: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_variant(f"box@{word}", has_background=True)


def test_regions_of_one_size_that_begin_together_are_two_requests() -> None:
    """Three blocks of a class, the first one with the second or with the third."""
    labels = torch.zeros(12, 30, dtype=torch.int64)
    labels[0:6, 0:6] = labels[8:12, 0:4] = labels[8:12, 20:24] = 1
    word = f"{HERE}:Pairs"
    rows = [{name: {"row": f"mask@{word}", word: {"other": other}}} for name, other in (("a", 1), ("b", 2))]
    variants = parse_variants(rows, has_background=True)
    first, second = (context_of(labels).regions(variant.finder)[0] for variant in variants)
    assert first.pixels == second.pixels
    assert not torch.equal(first.mask, second.mask)
    assert len(collect_requests(variants, context_of(labels))) == 2


def test_a_word_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PARTS, "_own", dict(PARTS._own))

    def define(size: int) -> None:
        @part("aura")
        @dataclass(frozen=True)
        class Aura(Halo):
            """As a notebook's cell defines it, once and again."""

            main = "pixels"
            pixels: float = option(size, "pixels by which it grows", least=0)

    for size in (1, 2):
        define(size)
        variant = parse_variant("aura", has_background=True)
        assert variant.prompt[0].options() == {"pixels": size}
        assert int(refine(context_of(LABELS), variant).sum()) == (6 + 2 * size) ** 2
    # A whole number stays as it is where no per cents were.
    assert parse_variant("aura=3@class", has_background=True).name == "aura=3"
    with pytest.raises(InputError, match=r"there are point, .*, aura; did you mean 'aura'\?"):
        parse_variant("aurra", has_background=True)


def middle(region: Region) -> Prompt:
    """Half the box."""
    left, top, right, bottom = region.box.tolist()
    return Prompt(box=torch.tensor([left, top, (left + right) // 2, bottom]))


def test_a_plain_function_is_a_prompt() -> None:
    variant = variant_of(middle, "component/score/baseline")
    assert variant.name == "middle@component/score/baseline"
    decisions: list[Decision] = []
    refine(context_of(LABELS), variant_of(middle), decisions.append)
    assert [decision.prompt.box.tolist() for decision in decisions if decision.prompt.box is not None] == [[3, 2, 5, 7]]
    assert variant.describe()["prompt"][0]["class"] == f"{__name__}:middle"
    refiner = Refiner(BoxFillingSam(), variant=middle, background=0, device="cpu")
    image = torch.zeros(3, 12, 16, dtype=torch.uint8)
    expected = torch.zeros_like(LABELS)
    expected[2:8, 3:6] = 1
    assert torch.equal(refiner.refine(image, LABELS).label_map, expected)


def test_a_function_that_fails_is_named() -> None:
    def fails(region: Region) -> Prompt:
        raise RuntimeError("no idea")

    refiner = Refiner(BoxFillingSam(), variant=fails, background=0, device="cpu")
    with pytest.raises(InputError, match=r"fails.* for a region of class 1: RuntimeError: no idea"):
        refiner.refine(torch.zeros(3, 12, 16, dtype=torch.uint8), LABELS)


def test_the_code_of_ones_own_parts_decides_about_resumed_runs() -> None:
    module = SamSegEvaluation(MobileNetV2DeepLab("demo"), BoxFillingSam(), [f"{HERE}:Halo@{HERE}:Last"], **FACTS)
    assert {Halo, Last} <= module.classes()


def test_somebody_elses_painter_has_no_ladder() -> None:
    """Its steps are painted by this package's painter, and would be those of another row."""
    own, other = parse_variants(["box@class/iou/baseline", f"box@{HERE}:OwnPainter"], has_background=True)
    assert (own.fill, other.fill) == ("baseline", "baseline")
    assert (own.has_ladder, other.has_ladder) == (True, False)
