import json

import pytest

from lit_samseg.errors import InputError
from lit_samseg.refine import PAPER_VARIANTS, RECOMMENDED, Evidence, Variant, parse_variant, parse_variants

BELIEF = "tests.refine.test_beliefs:Same"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("box", "box"),
        ("box@class", "box"),
        ("box@class/iou/background", "box"),
        ("box@component", "box@component"),
        ("points+box@component/iou", "points+box@component"),
        ("box@class/score", "box@class/score"),
        ("box@class/iou/baseline", "box@class/iou/baseline"),
        ("mask+box+points", "points+box+mask"),
        (" box + mask @component/oracle", "box+mask@component/oracle"),
        ("box+mask@class/iou/background/gate=0.7", "box+mask@gate"),
        ("box@component/gate=0.55", "box@component/gate=0.55"),
        ("box@vote=0.3/fuse=0.5", "box@fuse=0.5/vote"),
        ("box@fuse=2.0/component", "box@component/fuse=2.0"),
        ("box@baseline/score/component", "box@component/score/baseline"),
        ("box@samcrf/vote/single/fuse/component", "box@component/single/fuse/vote/samcrf"),
        ("margin+point@component/single/samcrf/fuse", "point+margin@component/single/fuse/samcrf"),
        ("none@crf", "none@crf"),
        ("gauss+box+negative+pole@split/score", "pole+negative+box+gauss@split/score"),
        ("mask+wide+negative@split/iou", "negative+wide+mask@split"),
        ("cebox+pole@score/rounds=5".replace("@", "@class/"), "pole+cebox@class/score/rounds"),
        ("box@rounds=1", "box@rounds=1"),
        ("box@gate/rounds=3/ondensecrf", "box@rounds=3/gate/ondensecrf"),
        ("box@fuse/rounds", "box@rounds/fuse"),
        ("points+box+mask@component/learned", "points+box+mask@component/learned"),
        ("box@learned/rounds", "box@rounds/learned"),
        (f"box@fuse/{BELIEF}", f"box@{BELIEF}/fuse"),
        (f"box@{BELIEF}/component/gate", f"box@component/gate/{BELIEF}"),
        (f"none@crf/{BELIEF}", f"none@{BELIEF}/crf"),
        (f"none@{BELIEF}", f"none@{BELIEF}"),
    ],
)
def test_name_is_the_shortest_form_and_parses_to_itself(text: str, name: str) -> None:
    variant = parse_variant(text.replace(" @", "@"), has_background=True)
    assert variant.name == name
    assert parse_variant(name, has_background=True) == variant


def test_fill_defaults_to_the_data_sets() -> None:
    assert parse_variant("box", has_background=False).fill == "baseline"
    assert parse_variant("box@class/iou/baseline", has_background=False).name == "box"


def test_paper_rows() -> None:
    variants = parse_variants(["baseline", *PAPER_VARIANTS], has_background=True)
    assert [v.name for v in variants] == list(PAPER_VARIANTS)
    assert {(v.region, v.selector.word, v.fill) for v in variants} == {("class", "iou", "background")}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("boxes", r"unknown recipe 'boxes'; there are point, .*, textmask; did you mean 'box'\?"),
        ("box@componnet", r"did you mean 'component'\?"),
        ("box@point", r"'point' is a prompt; it stands before the @, as in point\+"),
        ("box+class", r"'class' is no prompt; it stands behind the @, as in box@class"),
        ("box@iou/score", "'iou' and 'score' exclude each other; write one of iou, score, single, oracle"),
        ("box@class/component", "exclude each other; write one of class, component, split"),
        ("box@background/baseline", "exclude each other"),
        ("", "unknown recipe ''"),
        ("box+", "unknown recipe ''"),
        ("box+box", "twice"),
        ("point+points", "one of point, points, pole"),
        ("box@pixel", "unknown word 'pixel'; there are class, component, split, iou"),
        ("box@class/best", "unknown word 'best'"),
        ("box@class/iou/void", "unknown word 'void'"),
        ("box@class/iou/baseline/x", "unknown word 'x'"),
        ("box@", "unknown word ''"),
        ("box@gate=200", r"option 'least' of gate is 2; it is in 0\.\.1"),
        ("box@gate=1.2", r"option 'least' of gate is 1\.2; it is in 0\.\.1"),
        ("box@gate=nan", r"option 'least' of gate is nan; it is in 0\.\.1"),
        ("box@fuse=inf", "option 'weight' of fuse is inf"),
        ("box@fuse=-0.3", r"it is 0\.01 or more"),
        ("box@rounds=2.5", "has no whole number behind the =; write rounds=5"),
        ("box@gate=x", "'gate=x' has no number behind the =; write gate=0.7"),
        ("box@gate=", "'gate=' has no number behind the ="),
        ("box@crf", "nobody uses the answer"),
        ("box@fuse=0", r"option 'weight' of fuse is 0; it is 0\.01 or more"),
        ("box@single=3", "'single=3' has a number, which means nothing there; write single"),
        ("box@fuse/fuse", "stands twice"),
        ("box@fuse/crf/samcrf", "write one of crf, samcrf, densecrf"),
        ("box@fuse/densecrf", "is of the image's pixels"),
        ("box@gate/fuse", "a gate is for masks that are painted"),
        ("box@learned/gate", "'learned' and 'gate' exclude each other; write one of gate, learned"),
        ("box@learned/fuse/vote", "leave it or fuse, vote out"),
        ("box@learned/ondensecrf", "leave it or ondensecrf out"),
        ("box@fuse/crf/learned", "leave it or fuse, crf out"),
        ("box@learned=3", "'learned=3' has a number"),
        (f"box@learned/{BELIEF}", "leave it or .*Same out"),
        (f"box@{BELIEF}/ondensecrf", "leave it or .*Same out"),
        (f"none@{BELIEF}/densecrf", "'densecrf' is of the image's pixels"),
        (f"none@component/{BELIEF}", "without a prompt there is no 'component'"),
        (f"box@{BELIEF}/{BELIEF}", "stands twice"),
        ("box@twice", "nobody uses the second answer of 'twice'; add /fuse or /clique"),
        ("box@twice/gate", "nobody uses the second answer of 'twice'"),
        ("box@twice/vote/crf", "nobody uses the second answer of 'twice'"),
        ("none@learned", "without a prompt is none@crf"),
        ("none@crf/learned", "without a prompt is none@crf"),
        ("margin@learned", "'margin' is for rows that add up scores"),
        ("box@class/iou/baseline/fuse", "neither a fill nor an oracle"),
        ("box@class/oracle/fuse", "neither a fill nor an oracle"),
        ("box+margin", "add /fuse or /vote"),
        ("mask+margin@fuse", "one of mask, margin, gauss"),
        ("gauss+margin@fuse", "one of mask, margin, gauss"),
        ("pole+point", "one of point, points, pole"),
        ("wide+box", "one of box, wide, cebox"),
        ("box@rounds=21", r"option 'times' of rounds is 21; it is in 1\.\.20"),
        ("box@rounds=0", r"it is in 1\.\.20"),
        ("box@ondensecrf=3", "'ondensecrf=3' has a number"),
        ("box@fuse/crf/ondensecrf", "is for masks that are painted; leave it or fuse, crf out"),
        ("none@ondensecrf", "without a prompt is none@crf"),
        ("none@crf/rounds", "without a prompt is none@crf"),
        ("box@rounds/crf", "nobody uses the answer"),
        ("negative", "only what is not meant"),
        ("none", "without a prompt is none@crf"),
        ("none@fuse/crf", "without a prompt is none@crf"),
        ("none@component/crf", "without a prompt there is no 'component'"),
        ("none+box@crf", "'none' stands alone before the @"),
    ],
)
def test_unknown_words_are_named(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_variant(text, has_background=True)


def test_background_fill_needs_a_background() -> None:
    with pytest.raises(InputError, match="no background"):
        parse_variant("box@class/iou/background", has_background=False)


def test_a_row_is_listed_once() -> None:
    with pytest.raises(InputError, match="more than once"):
        parse_variants(["box", "box@class/iou"], has_background=True)


@pytest.mark.parametrize(
    ("old", "name", "note"),
    [
        ("box@gate=70", "box@gate", "gate=70 is in per cent, an old spelling; write gate=0.7"),
        ("box@fuse=200", "box@fuse=2.0", "fuse=200 is in per cent, an old spelling; write fuse=2.0"),
        ("box@fuse/vote=15", "box@fuse/vote=0.15", "vote=15 is in per cent, an old spelling; write vote=0.15"),
        ("box@rounds=3", "box@rounds=3", None),
        ("box@fuse=2.0", "box@fuse=2.0", None),
    ],
)
def test_old_spellings_go_on_working(old: str, name: str, note: str | None) -> None:
    variant = parse_variant(old, has_background=True)
    assert variant.name == name
    assert variant.notes == (() if note is None else (note,))
    # It is the same row, however it is written.
    assert variant == parse_variant(name, has_background=True)
    assert parse_variant(name, has_background=True).notes == ()


def weights(variant: Variant) -> dict[str, object]:
    return {part.word: part.options()["weight"] for part in variant.composers if isinstance(part, Evidence)}


def test_what_auto_means() -> None:
    (variant,) = parse_variants(["baseline", "auto"], has_background=True)
    assert variant.name == RECOMMENDED
    assert weights(variant) == {"fuse": 0.3, "vote": 0.3}
    assert variant.field is not None
    assert variant.field.word == "samcrf"
    (plain,) = parse_variants(["auto"], has_background=True, has_features=False)
    assert weights(plain) == {"fuse": 0.3, "vote": 0.3}
    assert plain.field is not None
    assert plain.field.word == "crf"
    with pytest.raises(InputError, match="more than once"):
        parse_variants(["auto", RECOMMENDED], has_background=True)


def test_rows_with_names_and_options() -> None:
    rows = [
        "box",
        {"mine": "auto"},
        {"sure": {"row": "box@fuse=0.4/samcrf", "fuse": {"weight": 0.5, "surest": 4}, "samcrf": {"iterations": 3}}},
        {"wider": {"row": "wide@component", "wide": {"widening": 0.2}, "component": {"min_area": 50}}},
    ]
    variants = parse_variants(rows, has_background=True)
    assert [variant.name for variant in variants] == ["box", "mine", "sure", "wider"]
    (auto,) = parse_variants(["auto"], has_background=True)
    assert variants[1].describe() == auto.describe()
    described = variants[2].describe()
    assert described["compose"] == [
        {"word": "fuse", "class": "lit_samseg.refine.fusion:Fuse", "options": {"weight": 0.5, "surest": 4.0}}
    ]
    assert described["field"]["options"]["iterations"] == 3
    assert described["field"]["options"]["colour_distance"] == 33.0
    described = variants[3].describe()
    assert [part["options"] for part in described["prompt"]] == [{"widening": 0.2, "most": 10.0}]
    assert described["prompt"][0]["slot"] == "box"
    assert described["regions"]["options"] == {"min_area": 50}
    assert (described["rounds"], described["gate"], described["start"]) == (1, None, None)
    assert variants[3] != parse_variant("wide@component", has_background=True)
    # What is written of a row can be written as JSON.
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (3, "3 is a int; a variant is a text such as"),
        ({"": "box"}, "'' cannot be a row's name"),
        ({3: "box"}, "3 cannot be a row's name"),
        ({"baseline": "box"}, "'baseline' cannot be a row's name"),
        ({"../up": "box"}, r"'\.\./up' cannot be a row's name; give up to 100 letters"),
        ({"a\nb": "box"}, "cannot be a row's name"),
        ({"x" * 101: "box"}, "cannot be a row's name"),
        ({"mine": 3}, "'mine' has no text; write mine: TEXT, or"),
        ({"mine": {"fuse": {"weight": 1}}}, "'mine' has no text"),
        ({"mine": "boxes"}, "variant 'boxes': unknown recipe"),
        ({"mine": {"row": "box@fuse", "fuse": 0.5}}, r"mine\.fuse is 0\.5; it is a mapping of options"),
        (
            {"mine": {"row": "box@fuse", "vote": {"weight": 1}}},
            "'vote' is no part of the row; it has box, class, iou, fuse",
        ),
        ({"mine": {"row": "box@fuse", "fuse": {"wait": 1}}}, "fuse has no option 'wait'; it has weight, surest"),
        ({"mine": {"row": "box", "box": {"size": 1}}}, "box has no option 'size'; it has none"),
        ({"mine": {"row": "box@fuse", "fuse": {"weight": "1"}}}, "option 'weight' of fuse is '1'; it is a number"),
        ({"mine": {"row": "box@fuse", "fuse": {"weight": True}}}, "option 'weight' of fuse is True; it is a number"),
        ({"mine": {"row": "box@fuse", "fuse": {"weight": 0}}}, r"option 'weight' of fuse is 0; it is 0\.01 or more"),
        (
            {"mine": {"row": "box@rounds", "rounds": {"times": 2.5}}},
            r"option 'times' of rounds is 2\.5; it is a whole number",
        ),
        ({"mine": {"row": "points", "points": {"most": 0}}}, "option 'most' of points is 0; it is 1 or more"),
        ({"mine": {"row": "cebox", "cebox": {"alike": 2}}}, r"option 'alike' of cebox is 2; it is in -1\.\.1"),
        ({"mine": {"row": "box@vote", "vote": {"least": 1}}}, "option 'least' of vote is 1; it is 0 or less"),
        ({"mine": {"row": "none@crf", "crf": {"smooth_distance": 0}}}, r"is 0; it is 0\.01 or more"),
    ],
)
def test_rows_that_cannot_be_used(row: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        parse_variants([row], has_background=True)
    assert "\n" not in str(caught.value)


def test_names_are_told_apart() -> None:
    with pytest.raises(InputError, match="'box' is listed more than once"):
        parse_variants(["box", {"box": "points"}], has_background=True)
    for other in ("box/component", "Box component", "box_component"):
        with pytest.raises(InputError, match=f"'box@component' and '{other}' differ in signs only"):
            parse_variants(["box@component", {other: "points"}], has_background=True)


def test_which_rows_have_a_ladder() -> None:
    texts = ["box", "box@gate", "box@fuse", "none@crf", "box@rounds", "box@ondensecrf", "box@rounds=1", "box@learned"]
    variants = parse_variants(texts, has_background=True)
    assert [variant.has_ladder for variant in variants] == [True, False, False, False, False, False, True, False]
    assert [variant.gate.word if variant.gate else "" for variant in variants] == ["", "gate", *[""] * 5, "learned"]
    assert variants[1].gate is not None
    assert variants[1].gate.options() == {"least": 0.7}
    assert [variant.rounds for variant in variants] == [1, 1, 1, 1, 5, 1, 1, 1]
    assert [variant.needs_grid for variant in variants] == [False, False, True, True, False, True, False, True]
    assert [variant.needs_pixels for variant in variants] == [False, False, False, False, False, True, False, False]
    assert [variant.learned for variant in variants] == [False] * 7 + [True]
