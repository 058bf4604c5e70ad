"""The Python interface: one call for one picture gives what the command line gives."""

import gc
import re
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lit_samseg import Refinement, Refiner
from lit_samseg.data.scene_generator import generate_scene
from lit_samseg.errors import InputError
from lit_samseg.formats.given import as_label_map
from lit_samseg.formats.palettes import voc_palette
from lit_samseg.refine import RECOMMENDED
from lit_samseg.runtime.tf32 import arithmetic_of_fp32
from lit_samseg.sam import SegmentAnything, load_promptable_segmenter
from tests.conftest import PROJECT, SHARED, RunCli
from tests.recomputation import read_predictions

PAINTED = "points+box+mask"


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    return Refiner.from_pretrained(baseline="demo", sam="demo")


@pytest.fixture(scope="module")
def quick(refiner: Refiner) -> Refiner:
    """The same networks; one prompt for each class."""
    return Refiner(refiner.sam, refiner.baseline, variant="box")


def modules_of(*networks: object) -> list[torch.nn.Module]:
    return [m for network in networks if isinstance(network, torch.nn.Module) for m in network.modules()]


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return generate_scene(99, 3)[0]


def test_it_is_the_command_lines_row(run_cli: RunCli, scene: np.ndarray, tmp_path: Path) -> None:
    variants = ("points+box+mask", "box@component/score/baseline")
    (tmp_path / "pictures").mkdir()
    path = tmp_path / "pictures" / "a.png"
    Image.fromarray(scene).save(path)
    outcome = run_cli(
        *("predict", "--config", PROJECT / "configs/demo.yaml", "--data.images", path.parent),
        *(
            "--output_dir",
            tmp_path / "out",
            "--model.variants",
            f"[{', '.join(variants)}]",
            "--trainer.accelerator=cpu",
        ),
    )
    assert outcome.code == 0, outcome.err
    for variant in variants:
        result = Refiner.from_pretrained("demo", "demo", variant=variant, device="cpu")(path)
        row = variant.replace("/", "__")
        for name, ours in (("baseline", result.baseline), (row, result.label_map)):
            (theirs,) = read_predictions(tmp_path / "out/predictions" / name).values()
            assert np.array_equal(ours.numpy(), theirs)
        assert not torch.equal(result.label_map, result.baseline)


def test_every_kind_of_picture_gives_the_same(quick: Refiner, scene: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(scene).save(tmp_path / "a.png")
    tensor = torch.from_numpy(scene).permute(2, 0, 1)
    kinds: list[object] = [scene, tensor, Image.fromarray(scene), tmp_path / "a.png", str(tmp_path / "a.png")]
    see_through = np.dstack([scene, np.full(scene.shape[:2], 7, np.uint8)])
    kinds += [scene[::-1][::-1], scene / 255, (scene / 255).astype(">f4"), tensor / 255, tensor.permute(1, 2, 0)]
    kinds += [scene.transpose(2, 0, 1), see_through, Image.fromarray(see_through)]
    results = quick(kinds)
    assert isinstance(results, list)
    assert len(results) == len(kinds)
    for result in results:
        assert torch.equal(result.label_map, results[0].label_map)
        assert result.label_map.dtype == torch.int64
        assert result.decisions == []
    assert len(results[0].label_map.unique()) > 1
    grey = Image.fromarray(scene).convert("L")
    expected = quick(grey).label_map
    for kind in (np.array(grey), np.array(grey)[..., None], torch.from_numpy(np.array(grey))[None] / 255):
        assert torch.equal(quick(kind).label_map, expected)


def test_an_iterator_is_taken_one_by_one_and_nothing_is_kept(quick: Refiner, scene: np.ndarray) -> None:
    taken: list[weakref.ref[torch.Tensor]] = []

    def frames() -> Iterator[torch.Tensor]:
        for shift in range(3):
            frame = torch.from_numpy(np.roll(scene, 9 * shift, 1)).permute(2, 0, 1).clone()
            taken.append(weakref.ref(frame))
            yield frame

    results = quick(frames())
    assert not taken
    for count, result in enumerate(results, start=1):
        assert len(taken) == count
        assert torch.equal(result.label_map, quick(np.roll(scene, 9 * (count - 1), 1)).label_map)
    del result
    gc.collect()
    assert [frame() for frame in taken] == [None] * 3


def test_a_list_is_encoded_in_parts(refiner: Refiner, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Refiner(refiner.sam, refiner.baseline, variant="box", batch_size=2)
    encode, seen = small.sam.encode, []
    monkeypatch.setattr(small.sam, "encode", lambda images: seen.append(len(images)) or encode(images))
    assert len(small([scene] * 3)) == 3
    assert seen == [2, 1]
    assert small([]) == []
    with pytest.raises(InputError, match="batch_size is 0"):
        Refiner(refiner.sam, batch_size=0)


def test_a_list_may_mix_sizes(refiner: Refiner, scene: np.ndarray) -> None:
    both = refiner([scene, scene[:70, :50]])
    assert [list(result.label_map.shape) for result in both] == [list(scene.shape[:2]), [70, 50]]
    assert torch.equal(both[1].label_map, refiner(scene[:70, :50]).label_map)


def test_a_label_map_of_ones_own(scene: np.ndarray) -> None:
    alone = Refiner.from_pretrained(sam="demo", background=0, variant=PAINTED)
    expected = Refiner.from_pretrained("demo", "demo", variant=PAINTED)(scene)
    for labels in (
        expected.baseline,
        expected.baseline.numpy().astype(np.uint8),
        Image.fromarray(expected.baseline.byte().numpy()),
    ):
        result = alone.refine(scene, labels)
        assert torch.equal(result.label_map, expected.label_map)
        assert torch.equal(result.baseline, expected.baseline)
    # Without a background every class is prompted, and what no mask claims stays as it was.
    unfilled = Refiner.from_pretrained(sam="demo", variant=PAINTED)
    assert unfilled.background is None
    assert not torch.equal(unfilled.refine(scene, expected.baseline).label_map, expected.label_map)


def test_the_recommended_way(refiner: Refiner, scene: np.ndarray) -> None:
    """It reads the baseline's logits where there is a baseline, and believes a label map where there is none."""
    assert refiner.variant.name == RECOMMENDED
    result = refiner(scene, details=True)
    assert not torch.equal(result.label_map, result.baseline)
    assert all(decision.prompt.mask_logits is not None for decision in result.decisions)
    own = refiner.refine(scene, result.baseline)
    assert own.label_map.shape == result.label_map.shape
    assert not torch.equal(own.label_map, result.label_map)
    # What is certain stays: both change little, and mostly near borders.
    for refined in (result.label_map, own.label_map):
        assert (refined == result.baseline).float().mean() > 0.8


def test_details(scene: np.ndarray) -> None:
    refiner = Refiner.from_pretrained("demo", "demo", variant="points+box")
    result = refiner(scene, details=True)
    assert refiner.class_names is not None
    assert refiner.class_names[0] == "background"
    classes = [decision.region.class_id for decision in result.decisions]
    assert classes == [c for c in result.baseline.unique().tolist() if c != 0]
    for decision in result.decisions:
        assert torch.equal(decision.region.mask, result.baseline == decision.region.class_id)
        assert decision.prompt.box is not None
        assert decision.prompt.mask is None
        assert decision.candidates.shape == (3, *scene.shape[:2])
        ious = [
            (mask & decision.region.mask).sum() / (mask | decision.region.mask).sum() for mask in decision.candidates
        ]
        assert int(decision.chosen) == int(np.argmax(ious))
        assert decision.scores.shape == (3,)


def test_a_map_of_background_alone_stays_itself(refiner: Refiner) -> None:
    result = refiner.refine(np.zeros((9, 12, 3), np.uint8), np.zeros((9, 12), np.int32))
    assert torch.equal(result.label_map, torch.zeros(9, 12, dtype=torch.int64))


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (np.zeros((5, 5, 2), np.uint8), r"of 1, 3 or 4 channels, not torch.uint8 \[5, 5, 2\]"),
        (np.zeros((4, 4, 3), np.uint16), r"must be uint8 or float from 0 to 1, .* not uint16"),
        (torch.zeros(4, 4, 3, dtype=torch.int64), "not torch.int64"),
        (torch.zeros(2, 3, 4, 4), r"not torch.float32 \[2, 3, 4, 4\]; give a batch as list\(batch\)"),
        (np.zeros((0, 4, 3), np.uint8), r"not torch.uint8 \[0, 4, 3\]"),
        (np.full((4, 4, 3), 255.0), "not 255 to 255; divide it by 255"),
        (torch.full((3, 4, 4), -1.5), "not -1.5 to -1.5; give it as it was before it was normalised"),
        (np.full((4, 4), np.nan), "not nan to nan; give a picture without NaN"),
        (7, "int is no image"),
        (Image.fromarray(np.zeros((4, 4), np.uint16)), "more than 8 bits a channel"),
        ("none.jpg", r"no such image: none\.jpg"),
    ],
)
def test_what_is_no_picture(refiner: Refiner, image: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        refiner(image)


def test_what_is_no_label_map(refiner: Refiner) -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    for labels, complaint in (
        (np.zeros((6, 4), int), r"must be \[4, 6\] as its image, not \[6, 4\]"),
        (np.zeros((4, 6)), "not float64"),
        (np.zeros((4, 6, 1), int), "must be integer"),
        (torch.zeros(4, 6), "not torch.float32"),
        (Image.new("RGB", (6, 4)), "not of mode RGB"),
        ([[0]], "not list"),
        (None, "neither a label map nor scores"),
        ("none.png", "no such label map"),
        (np.full((4, 6), -1), "not -1"),
    ):
        with pytest.raises(InputError, match=complaint):
            refiner.refine(image, labels)


FOREGROUND = np.indices((4, 6))[1] > 2


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16])
def test_a_binary_mask_of_0_and_255_is_refused(refiner: Refiner, kind: type) -> None:
    """255 is void, so that nothing would be prompted, and nothing be said."""
    image = np.zeros((4, 6, 3), np.uint8)
    mask = FOREGROUND.astype(kind) * 255
    for labels in (mask, torch.from_numpy(mask.astype(np.int64)), Image.fromarray(mask.astype(np.uint8))):
        with pytest.raises(InputError, match=r"0 and 255 only, as a binary mask: give mask > 0"):
            refiner.refine(image, labels)
    knowing = Refiner(refiner.sam, ignore_index=255, variant="box")
    assert knowing.refine(image, mask).baseline.tolist() == mask.tolist()


def test_a_binary_mask_as_a_file_is_refused_by_name(refiner: Refiner, tmp_path: Path) -> None:
    for name in ("mask.png", "mask.gif", "mask.bmp"):
        Image.fromarray(FOREGROUND.astype(np.uint8) * 255).save(tmp_path / name)
        with pytest.raises(InputError, match=rf"label map .*{name} has the values 0 and 255 only"):
            refiner.refine(np.zeros((4, 6, 3), np.uint8), tmp_path / name)


def test_bool_masks_are_classes_0_and_1() -> None:
    for mask in (FOREGROUND, torch.from_numpy(FOREGROUND), Image.fromarray(FOREGROUND)):
        assert torch.equal(as_label_map(mask), torch.from_numpy(FOREGROUND).long())


@pytest.mark.parametrize(
    ("mask", "remedy"),
    [
        (FOREGROUND * 1.0, r"give mask > 0\.5"),
        (FOREGROUND * np.float32(0.7), r"give mask > 0\.5"),
        (FOREGROUND * 255.0, "give mask > 127"),
        (torch.from_numpy(FOREGROUND * 3.0), "values are whole: give them as int64"),
        (FOREGROUND * -2.5, "by argmax over scores"),
        (np.where(FOREGROUND, np.nan, 0), "it has NaN"),
        (FOREGROUND[None].astype(int), r"int64 \[1, 4, 6\]; leave out the axis of one by \.squeeze"),
        (np.full((4, 6), "car"), "not <U3"),
    ],
)
def test_masks_of_other_numbers_are_refused_with_what_helps(mask: object, remedy: str) -> None:
    with pytest.raises(InputError, match=remedy):
        as_label_map(mask)


def test_a_label_map_whose_palette_was_renumbered(tmp_path: Path) -> None:
    """Pillow's GIFs number greys anew: by their colour they are what was saved."""
    labels = np.array([[0, 3], [8, 255]], np.uint8)
    Image.fromarray(labels).save(tmp_path / "a.gif")
    coloured = Image.fromarray(labels)
    coloured.putpalette(voc_palette())
    coloured.save(tmp_path / "b.gif")
    with Image.open(tmp_path / "a.gif") as opened:
        in_memory = opened.copy()
    assert np.array(in_memory).max() == 3
    for given in (tmp_path / "a.gif", in_memory, coloured):
        assert as_label_map(given).tolist() == labels.tolist()
    with pytest.raises(InputError, match=r"b\.gif has the usual colours at other indices: index 1 is \(128, 128, 0\)"):
        as_label_map(tmp_path / "b.gif")


def test_every_kind_of_label_map_gives_the_same(quick: Refiner, scene: np.ndarray, tmp_path: Path) -> None:
    labels = quick(scene).baseline
    Image.fromarray(labels.byte().numpy()).save(tmp_path / "map.png")
    expected = quick.refine(scene, labels).label_map
    assert not torch.equal(expected, labels)
    kinds: list[object] = [tmp_path / "map.png", str(tmp_path / "map.png"), Image.open(tmp_path / "map.png")]
    kinds += [labels.numpy().astype(kind) for kind in ("uint8", "uint16", "uint32", "uint64", ">i4", "int8")]
    kinds += [labels.to(kind) for kind in (torch.uint8, torch.uint16, torch.int32)]
    kinds.append(Image.fromarray(labels.numpy().astype(np.uint16)))
    for kind in kinds:
        result = quick.refine(scene, kind)
        assert torch.equal(result.baseline, labels)
        assert torch.equal(result.label_map, expected)


def test_void_is_never_prompted(refiner: Refiner, scene: np.ndarray) -> None:
    labels = refiner(scene).baseline.clone()
    labels[:40, :40] = 255
    for variant in (PAINTED, "auto"):
        refining = Refiner.from_pretrained(sam="demo", background=0, variant=variant)
        result = refining.refine(scene, labels, details=True)
        assert 255 not in {decision.region.class_id for decision in result.decisions}
        assert not (result.label_map == 255).any()
    keeps = Refiner.from_pretrained(sam="demo").refine(scene, torch.full(scene.shape[:2], 255))
    assert (keeps.label_map == 255).all()


def test_beyond_255_classes_255_is_one(scene: np.ndarray) -> None:
    labels = np.full(scene.shape[:2], 300)
    labels[:40, :40] = 255
    labels[-1] = 65_535
    refining = Refiner.from_pretrained(sam="demo", variant=PAINTED)
    with pytest.raises(InputError, match="has ids above 255, and 255; give Refiner"):
        refining.refine(scene, labels)
    for void, prompted in ((None, {255, 300, 65_535}), (65_535, {255, 300}), (255, {300, 65_535})):
        refining = Refiner.from_pretrained(sam="demo", variant=PAINTED, ignore_index=void)
        result = refining.refine(scene, labels, details=True)
        assert {decision.region.class_id for decision in result.decisions} == prompted
        assert np.array_equal(result.baseline, labels)
    labels[:40, :40] = 12
    result = Refiner.from_pretrained(sam="demo", variant=PAINTED).refine(scene, labels, details=True)
    assert {decision.region.class_id for decision in result.decisions} == {12, 300}
    for wrong in (-1, 1.5, "none", True):
        with pytest.raises(InputError, match="it is a number that is no class, from 0 on, None or 'auto'"):
            Refiner.from_pretrained(sam="demo", ignore_index=wrong)


def test_the_settings_of_arithmetic_are_left_as_they_were(refiner: Refiner, scene: np.ndarray) -> None:
    """Within a call TF32 is off (FIELD's D20)."""
    backends: Any = torch.backends
    seen = []
    networks = (refiner.baseline, refiner.sam.model)
    hooks = [m.register_forward_pre_hook(lambda *_: seen.extend(arithmetic_of_fp32())) for m in modules_of(*networks)]
    backends.fp32_precision = "tf32"
    try:
        refiner(scene)
        assert backends.fp32_precision == "tf32"
    finally:
        backends.fp32_precision = "none"
    for hook in hooks:
        hook.remove()
    assert len(seen) > 4
    assert set(seen) == {"ieee"}


def test_what_cannot_be_asked_for() -> None:
    sam = SegmentAnything("demo")
    with pytest.raises(InputError, match="has no baseline"):
        Refiner(sam)(np.zeros((4, 6, 3), np.uint8))
    for variant in ("box@class/oracle", "baseline"):
        with pytest.raises(InputError, match="is no way to refine a picture"):
            Refiner(sam, variant=variant)
    for background in ("none", -1, 255, True, 1.5):
        with pytest.raises(InputError, match=r"it is a class id of 0\.\.254, None or 'auto'"):
            Refiner(sam, background=background)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="device is 'gpu'; it is cpu, cuda"):
        Refiner(sam, device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="torch finds no such GPU"):
            Refiner(sam, device="cuda")
    with pytest.raises(InputError, match="no background class to fill with"):
        Refiner(sam, variant="box@class/iou/background")


def test_networks_are_found_by_name(tmp_path: Path) -> None:
    assert isinstance(load_promptable_segmenter("demo"), SegmentAnything)
    with pytest.raises(InputError, match=r"no such weight file: weights/sam.pth"):
        load_promptable_segmenter("weights/sam.pth")
    with pytest.raises(InputError, match=r"has no .*config\.json"):
        load_promptable_segmenter(str(tmp_path))
    with pytest.raises(InputError, match="no such baseline checkpoint: nothing"):
        Refiner.from_pretrained(baseline="nothing", sam="demo")


def test_importing_the_package_loads_no_library() -> None:
    script = "import sys, lit_samseg; print(lit_samseg.__version__, 'torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1:] == ["False", "False"]


def python_block(page: str) -> str:
    (block,) = re.findall(r"```python\n(.*?)```", (PROJECT / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


def documented_example() -> str:
    """The Python block of docs/python.md, with the two checkpoints as ``BASELINE`` and ``SAM``."""
    block = python_block("docs/python.md")
    named, count = re.subn(r'baseline="[^"]+", sam="[^"]+"', 'baseline="BASELINE", sam="SAM"', block)
    assert count == 1
    return named


def test_the_readmes_lines_run(
    scene: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene).save("picture.jpg")
    Image.fromarray(generate_scene(99, 3)[1] % 3).save("label_map.png")
    names: dict[str, object] = {}
    exec(python_block("README.md").replace("mobile_sam", "demo"), names)
    assert capsys.readouterr().out.startswith(f"Refinement of {scene.shape[1]} x {scene.shape[0]} pixels")


@pytest.mark.parametrize(
    ("baseline", "sam", "classes"),
    [
        ("demo", "demo", 9),
        pytest.param(
            SHARED / "weights/deeplabv3_mobilenetv2_voc",
            SHARED / "weights/mobile_sam.pt",
            21,
            # The quicker one is that of the demo's networks.
            marks=[pytest.mark.real, pytest.mark.slow],
        ),
    ],
)
def test_the_pages_lines_run(
    baseline: object, sam: object, classes: int, scene: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene).save("picture.jpg")
    Image.fromarray(generate_scene(99, 3)[1] % 3).save("label_map.png")
    names: dict[str, object] = {}
    exec(documented_example().replace("BASELINE", str(baseline)).replace("SAM", str(sam)), names)
    refiner, result = names["refiner"], names["result"]
    assert isinstance(refiner, Refiner)
    assert isinstance(result, Refinement)
    assert refiner.class_names is not None
    assert len(refiner.class_names) == classes
    assert result.label_map.shape == result.baseline.shape == scene.shape[:2]
    assert refiner.variant.name == RECOMMENDED
