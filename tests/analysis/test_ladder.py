"""The ladder against plain loops over the same candidates."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lit_samseg.analysis import COLUMNS, LADDER, Analysis, Ladder
from lit_samseg.analysis.image_truth import ImageTruth
from lit_samseg.analysis.region_facts import describe_kinds
from lit_samseg.analysis.true_prompts import refine_with_true_boxes, refine_with_true_prompts, without_void
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.metrics import count_pixels
from lit_samseg.refine import REGION_FINDERS, Decision, Variant, parse_variants, refine
from lit_samseg.sam import Candidates, Embedding, MaskWindow, Prompt, SegmentAnything
from tests.refine.contexts import context_of, prompt_of, regions_of

VOID = 255


@pytest.fixture(scope="module")
def sam() -> SegmentAnything:
    return SegmentAnything("demo")


def case(seed: int, background: int | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A scene, its ground truth with void, and a label map coarsened from it."""
    image, target = generate_scene(99, seed)
    if background is None:
        target = np.where(target == VOID, VOID, target + 1).astype(np.uint8)
    coarse = np.where(target == VOID, 0 if background == 0 else 1, target)[::8, ::8].repeat(8, 0).repeat(8, 1)
    coarse = coarse[: target.shape[0], : target.shape[1]].astype(np.int64)
    coarse[:16, :16] = 3  # a class that is not there
    return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(target), torch.from_numpy(coarse)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max(1, (a | b).sum())


def paint(
    masks: dict[int, np.ndarray], regions_of: np.ndarray, filled: np.ndarray, background: int | None
) -> np.ndarray:
    """SPEC 1's merging, by painting in ascending key, on a tie the lower class last."""
    out = filled.copy() if background is None or not masks else np.full_like(filled, background)
    for class_id in sorted(masks, key=lambda c: (iou(masks[c], regions_of == c), -c)):
        out[masks[class_id]] = class_id
    return out


def steps_by_hand(
    sam: SegmentAnything,
    embedding: Embedding,
    labels: np.ndarray,
    target: np.ndarray,
    variant: Variant,
    background: int | None,
) -> dict[str, np.ndarray]:
    valid = target != VOID
    kept: dict[str, dict[int, np.ndarray]] = {step: {} for step in ("refined", "score", "oracle", "gate")}
    for region in regions_of(torch.from_numpy(labels), variant.region, background):
        answer = sam.decode(embedding, [prompt_of(region, "+".join(variant.recipe))])
        masks, scores = answer.masks(0).numpy(), answer.scores[0].numpy()
        area, truth = region.mask.numpy(), (target == region.class_id) & valid
        truths = [iou(mask & valid, truth) for mask in masks]
        first = int(np.argmax([iou(mask, area) for mask in masks]))
        picks = {"refined": masks[first], "score": masks[scores.argmax()], "oracle": masks[int(np.argmax(truths))]}
        picks["gate"] = masks[first] if truths[first] > iou(area & valid, truth) else area
        for step, mask in picks.items():
            kept[step][region.class_id] = kept[step].get(region.class_id, np.zeros_like(valid)) | mask
    maps = {step: paint(masks, labels, labels, background) for step, masks in kept.items()}
    maps["merging"] = maps["refined"].copy()
    for y, x in np.argwhere(valid):
        claims = [c for c, mask in kept["refined"].items() if mask[y, x]]
        choices = claims or [labels[y, x], background]
        if target[y, x] in choices:
            maps["merging"][y, x] = target[y, x]
    return maps


@pytest.mark.parametrize(
    ("text", "background"),
    [
        ("box", 0),
        ("point", None),
        ("points+box+mask@component", 0),
        ("points+box+mask@component", None),
        # The quicker ones are those with the other background: what a row is asked has no part in what fills it.
        pytest.param("box", None, marks=pytest.mark.slow),
        pytest.param("point", 0, marks=pytest.mark.slow),
    ],
)
def test_every_step_by_hand(sam: SegmentAnything, text: str, background: int | None) -> None:
    changed = set()
    for seed in (3, 8):
        image, target, label_map = case(seed, background)
        (variant,) = parse_variants([text], has_background=background is not None)
        context = context_of(label_map, sam, background, image)
        facts = describe_kinds({"own": context.regions(variant.finder)}, target, VOID)["own"]
        ladder = Ladder(ImageTruth(label_map, target, background, VOID), variant, facts, background)
        refined = refine(context, variant, ladder.observe)
        maps, _ = ladder.finish(refined)
        expected = steps_by_hand(sam, context.embedding, label_map.numpy(), target.numpy(), variant, background)
        assert maps.keys() == expected.keys() == set(LADDER) - {"true boxes", "true prompts"}
        for step, by_hand in expected.items():
            assert np.array_equal(maps[step].numpy(), by_hand), step
            if not np.array_equal(by_hand, expected["refined"]):
                changed.add(step)
    assert {"merging", "gate"} <= changed
    assert changed & {"score", "oracle"}


@pytest.mark.parametrize("background", [0, None])
def test_prompts_of_the_ground_truth(sam: SegmentAnything, background: int | None) -> None:
    image, target, label_map = case(3, background)
    (variant,) = parse_variants(["box"], has_background=background is not None)
    context = context_of(label_map, sam, background, image, target=target)
    true_map, unprompted = without_void(target, torch.int64, background, VOID)
    regions = regions_of(true_map, "class", unprompted)
    assert {region.class_id for region in regions} == set(target.unique().tolist()) - {VOID, background}
    ours = refine_with_true_prompts(context, context.on(true_map, unprompted, true_map), [variant])["box"]
    kept = {}
    for region in regions:
        masks = sam.decode(context.embedding, [prompt_of(region, "box")]).masks(0).numpy()
        kept[region.class_id] = masks[int(np.argmax([iou(mask, region.mask.numpy()) for mask in masks]))]
    # What no mask claims is the baseline's, never the ground truth's.
    assert np.array_equal(ours.numpy(), paint(kept, true_map.numpy(), label_map.numpy(), background))
    assert not np.array_equal(ours.numpy(), label_map.numpy())


@pytest.mark.parametrize("background", [0, None])
def test_boxes_of_the_ground_truth(
    sam: SegmentAnything, background: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that ask otherwise have in common what boxes alone come to; it is asked for once, and not of a box's row."""
    image, target, label_map = case(3, background)
    texts = ["points+box+mask", "box", "point@component", "mask@component/score"]
    variants = parse_variants(texts, has_background=background is not None)
    context = context_of(label_map, sam, background, image, target=target)
    true_map, unprompted = without_void(target, torch.int64, background, VOID)
    true_context = context.on(true_map, unprompted, true_map)
    prompted = refine_with_true_prompts(context, true_context, variants)
    asked = []
    decode = SegmentAnything.decode

    def note(sam: SegmentAnything, embedding: Embedding, prompts: list[Prompt], *others: bool) -> Candidates:
        asked.extend(prompts)
        return decode(sam, embedding, prompts, *others)

    monkeypatch.setattr(SegmentAnything, "decode", note)
    boxed = refine_with_true_boxes(context, true_context, variants, prompted)
    assert all(prompt.box is not None and prompt.points is None and prompt.mask is None for prompt in asked)
    # Both rows of components choose among the same candidates.
    assert len(asked) == len(regions_of(true_map, "component", unprompted))
    plain = ["box", "box", "box@component", "box@component/score"]
    for variant, text in zip(variants, plain, strict=True):
        (same,) = parse_variants([text], has_background=background is not None)
        assert torch.equal(boxed[variant.name], refine_with_true_prompts(context, true_context, [same])[same.name]), (
            variant.name
        )
    assert not torch.equal(boxed["points+box+mask"], prompted["points+box+mask"])
    assert boxed["box"] is boxed["points+box+mask"] is prompted["box"]


def test_an_image_without_regions(sam: SegmentAnything) -> None:
    image, target, _ = case(3, 0)
    empty = torch.zeros(target.shape, dtype=torch.int64)
    analysis = Analysis(parse_variants(["box"], True), 9, 0, VOID)
    maps, found = analysis.refine(context_of(empty, sam, image=image, target=target), 0)
    assert torch.equal(maps["box"], empty)
    analysis.add(0, found)
    analysis.check()
    assert analysis.regions.compute().shape == (0, len(COLUMNS))
    _, counts = analysis.counts.compute()
    assert counts.shape == (len(LADDER), 3, 1, 9)
    # Prompts of the ground truth need no region of the baseline.
    assert counts[LADDER.index("true prompts"), 0, 0, 1:].sum() > 0
    assert counts[LADDER.index("refined"), 0, 0, 1:].sum() == 0


def test_the_table_and_the_counts_of_a_run(sam: SegmentAnything) -> None:
    variants = parse_variants(["box", "points+box@component/single"], True)
    analysis = Analysis(variants, 9, 0, VOID)
    expected = []
    for position, seed in ((1, 8), (0, 3)):
        image, target, label_map = case(seed, 0)
        context = context_of(label_map, sam, image=image, target=target)
        maps, found = analysis.refine(context, position)
        analysis.add(position, found)
        for row, variant in enumerate(variants, start=1):
            plain = refine(context_of(label_map, sam, image=image), variant)
            assert torch.equal(maps[variant.name], plain)
            expected += [(position, row, n, r.class_id) for n, r in enumerate(context.regions(variant.finder))]
    lines = analysis.regions.compute()
    assert [tuple(int(v) for v in line[:4]) for line in lines] == sorted(expected)
    analysis.check()
    single = lines[lines[:, 1] == 2]
    assert single[:, COLUMNS.index("score_1") :: 3].isnan().all()
    assert not single[:, COLUMNS.index("score_0") :: 3].isnan().any()
    positions, counts = analysis.counts.compute()
    assert positions == [0, 1]
    image, target, label_map = case(3, 0)
    refined = refine(context_of(label_map, sam, image=image), variants[0])
    assert torch.equal(counts[0, :, 0], count_pixels(refined, target.long(), 9, VOID))


def test_a_choice_that_is_not_perfect_is_noticed(sam: SegmentAnything) -> None:
    image, target, label_map = case(3, 0)
    analysis = Analysis(parse_variants(["box"], True), 9, 0, VOID)
    _, found = analysis.refine(context_of(label_map, sam, image=image, target=target), 0)
    analysis.add(0, found)
    analysis.regions.lines[0][0, COLUMNS.index("best")] = -1
    with pytest.raises(RuntimeError, match="best candidate is worse"):
        analysis.check()


def test_each_line_is_of_its_own_region_whatever_order_the_answers_come_in(sam: SegmentAnything) -> None:
    """A thin frame has its class's box, and so is answered before the larger block inside it."""
    image, _, _ = case(3, 0)
    label_map = torch.zeros(image.shape[1:], dtype=torch.int64)
    label_map[10:90, 10:90] = 1
    label_map[11:89, 11:89] = 0
    label_map[30:70, 30:70] = 1
    target = label_map.clone()
    target[30:70, 50:70] = 0
    variants = parse_variants(["box", "box@component"], True)
    analysis = Analysis(variants, 9, 0, VOID)
    context = context_of(label_map, sam, image=image, target=target)
    block, frame = context.regions(REGION_FINDERS["component"])
    assert block.area > frame.area
    _, found = analysis.refine(context, 0)
    lines = found.regions
    lines = lines[lines[:, COLUMNS.index("row")] == 2]
    # As they were answered; the table of a run puts them in order.
    assert lines[:, COLUMNS.index("region")].tolist() == [1, 0]
    truth = (target == 1).numpy()
    for line, region in zip(lines, (frame, block), strict=True):
        assert line[COLUMNS.index("area")] == region.area
        assert float(line[COLUMNS.index("before")]) == pytest.approx(iou(region.mask.numpy(), truth))
        masks = sam.decode(context.embedding, [prompt_of(region, "box")]).masks(0).numpy()
        for n, mask in enumerate(masks):
            assert float(line[COLUMNS.index(f"iou_{n}")]) == pytest.approx(iou(mask, region.mask.numpy()))


def test_regions_looked_at_together_as_on_a_gpu(sam: SegmentAnything, monkeypatch: pytest.MonkeyPatch) -> None:
    """There every window is the whole image, so that regions of a class are looked at in groups."""
    at_once = 4
    image, target, _ = case(3, 0)
    monkeypatch.setattr("lit_samseg.analysis.ladder.LOOKED_BYTES", at_once * 3 * target.numel())
    label_map = torch.zeros(target.shape, dtype=torch.int64)
    for n in range(2 * at_once + 3):
        label_map[8 * n + 1 : 8 * n + 6, 10 + 6 * n : 30 + 6 * n] = 1
    label_map[60:90, 5:40] = 2
    (variant,) = parse_variants(["box@component"], True)
    context = context_of(label_map, sam, image=image)
    regions = context.regions(variant.finder)
    assert len(regions) > 2 * at_once
    truth = ImageTruth(label_map, target, 0, VOID)
    facts = describe_kinds({"own": regions}, target, VOID)["own"]
    alone, together = (Ladder(truth, variant, facts, 0) for _ in range(2))

    def observe(decision: Decision) -> None:
        assert decision.window.masks[0].shape != label_map.shape
        alone.observe(decision)
        together.observe(replace(decision, window=MaskWindow(0, 0, decision.candidates)))

    refined = refine(context, variant, observe)
    (maps, lines), (other_maps, other_lines) = alone.finish(refined), together.finish(refined)
    assert torch.equal(lines, other_lines)
    assert len(lines) == len(regions)
    for step, expected in maps.items():
        assert torch.equal(other_maps[step], expected), step
    assert not torch.equal(maps["gate"], refined)
