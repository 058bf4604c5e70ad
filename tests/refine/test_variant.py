import pytest

from lit_samseg.errors import InputError
from lit_samseg.refine import PAPER_VARIANTS, RECOMMENDED, Fusion, parse_variants
from lit_samseg.refine.grammar import parse_variant


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
        ("box+mask@class/iou/background/gate=70", "box+mask@gate"),
        ("box@component/gate=55", "box@component/gate=55"),
        ("box@vote=30/fuse=50", "box@fuse=50/vote"),
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
    assert {(v.region, v.selection, v.fill) for v in variants} == {("class", "iou", "background")}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("boxes", "unknown recipe 'boxes'"),
        ("", "unknown recipe ''"),
        ("box+", "unknown recipe ''"),
        ("box+box", "twice"),
        ("point+points", "one of point, points, pole"),
        ("box@pixel", "unknown region 'pixel'"),
        ("box@class/best", "unknown selection 'best'"),
        ("box@class/iou/void", "unknown fill 'void'"),
        ("box@class/iou/baseline/x", "at most"),
        ("box@", "unknown region ''"),
        ("box@gate=200", "no IoU is above"),
        ("box@gate=x", "'gate=x' is no word"),
        ("box@gate=", "'gate=' is no word"),
        ("box@crf", "nobody uses the answer"),
        ("box@fuse=0", "numbers in 1..1000"),
        ("box@crf=3", "'crf=3' is no word"),
        ("box@fuse/fuse", "stands twice"),
        ("box@fuse/class", "unknown word 'class'"),
        ("box@fuse/crf/samcrf", "write one of crf, samcrf, densecrf"),
        ("box@fuse/densecrf", "is of the image's pixels"),
        ("box@gate/fuse", "a gate is for masks that are painted"),
        ("box@learned/gate", "a learned gate is for masks .* leave it or gate out"),
        ("box@learned/fuse/vote", "leave it or fuse, vote out"),
        ("box@learned/ondensecrf", "leave it or ondensecrf out"),
        ("box@fuse/crf/learned", "leave it or fuse, crf out"),
        ("box@learned=3", "'learned=3' is no word"),
        ("none@learned", "without a prompt is none@crf"),
        ("none@crf/learned", "leave it or crf out"),
        ("margin@learned", "'margin' is for rows that add up scores"),
        ("box@class/iou/baseline/fuse", "neither a fill nor an oracle"),
        ("box@class/oracle/fuse", "neither a fill nor an oracle"),
        ("box+margin", "add /fuse or /vote"),
        ("mask+margin@fuse", "one of mask, margin, gauss"),
        ("gauss+margin@fuse", "one of mask, margin, gauss"),
        ("pole+point", "one of point, points, pole"),
        ("wide+box", "one of box, wide, cebox"),
        ("box@rounds=21", "SAM is asked 20 times at most"),
        ("box@rounds=0", "numbers in 1..1000"),
        ("box@ondensecrf=3", "'ondensecrf=3' is no word"),
        ("box@fuse/crf/ondensecrf", "is for masks that are painted; leave fuse, crf out"),
        ("none@ondensecrf", "without a prompt is none@crf"),
        ("none@crf/rounds", "without a prompt is none@crf"),
        ("box@rounds/crf", "nobody uses the answer"),
        ("negative", "only what is not meant"),
        ("none", "without a prompt is none@crf"),
        ("none@fuse/crf", "without a prompt is none@crf"),
        ("none@component/crf", "without a prompt there is no 'component'"),
        ("none+box@crf", "unknown recipe 'none'"),
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


def test_what_auto_means() -> None:
    (variant,) = parse_variants(["baseline", "auto"], has_background=True)
    assert variant.name == RECOMMENDED
    assert variant.fusion == Fusion(0.3, 0.3, "samcrf")
    (plain,) = parse_variants(["auto"], has_background=True, has_features=False)
    assert plain.fusion == Fusion(0.3, 0.3, "crf")
    with pytest.raises(InputError, match="more than once"):
        parse_variants(["auto", RECOMMENDED], has_background=True)


def test_which_rows_have_a_ladder() -> None:
    texts = ["box", "box@gate", "box@fuse", "none@crf", "box@rounds", "box@ondensecrf", "box@rounds=1", "box@learned"]
    variants = parse_variants(texts, has_background=True)
    assert [variant.has_ladder for variant in variants] == [True, False, False, False, False, False, True, False]
    assert [variant.gate for variant in variants] == [0.0, 0.7, *[0.0] * 6]
    assert [variant.rounds for variant in variants] == [1, 1, 1, 1, 5, 1, 1, 1]
    assert [variant.needs_grid for variant in variants] == [False, False, True, True, False, True, False, True]
    assert [variant.needs_pixels for variant in variants] == [False, False, False, False, False, True, False, False]
    assert [variant.learned for variant in variants] == [False] * 7 + [True]
