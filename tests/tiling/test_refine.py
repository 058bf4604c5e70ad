"""Tiles against the whole picture at once: the same labels, and no seams."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lit_samseg import Refiner
from lit_samseg.refine import ClassScores, certain
from lit_samseg.tiling import Given, Plan, Tiling, measure_seams, refine_array, refine_tiles
from lit_samseg.tiling import blend as blending
from lit_samseg.tiling.arrays import Arrays, ArraySink
from lit_samseg.tiling.plan import Place, Window
from lit_samseg.tiling.score_windows import scores_of_window
from lit_samseg.void import VOID
from tests.tiling.seen import ColourSam, shapes

SIZE, SEED = (384, 512), 0
CUT = Tiling(128)


@pytest.fixture(scope="module")
def picture() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    return shapes(*SIZE, SEED)


def refined(refiner: Refiner, image: NDArray[np.uint8], coarse: NDArray[np.uint8], tiling: Tiling) -> NDArray[np.int64]:
    out = np.full(coarse.shape, -7, np.int64)
    refine_array(refiner.tiles, image, coarse, out, tiling)
    return out


def only_the_cell(plan: Plan, place: Place) -> torch.Tensor:
    """Weights of tiles that are cut apart, and not blended."""
    weights, cell = torch.full(plan.shape, 1e-6), plan.cell(place)
    weights[: cell.height, : cell.width] = 1
    return weights


@pytest.mark.parametrize(
    "row", ["point+box+margin@component/fuse/vote/crf", "point+box@component/fuse", "point+box@component/iou/baseline"]
)
def test_tiles_give_what_the_whole_picture_gives_without_seams(
    picture: tuple[NDArray[np.uint8], ...], row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, truth, coarse = picture
    refiner = Refiner(ColourSam(), background=0, variant=row, device="cpu")
    plan = CUT.plan(*SIZE, 1)
    assert len(plan) == 20
    whole, tiled = (refined(refiner, image, coarse, tiling) for tiling in (Tiling(None), CUT))
    assert (whole == truth).mean() > (coarse == truth).mean()
    assert (tiled == whole).mean() > 0.99
    assert (tiled == truth).mean() > (whole == truth).mean() - 0.005
    monkeypatch.setattr(blending, "_weights", only_the_cell)
    cut = refined(refiner, image, coarse, CUT)
    own, best, worst = (measure_seams(labels, plan).excess for labels in (tiled, whole, cut))
    assert own < best * 1.15
    assert worst > own * 1.2
    assert (tiled == whole).mean() > (cut == whole).mean()


def test_class_scores_are_those_of_the_tile(picture: tuple[NDArray[np.uint8], ...]) -> None:
    """Scores that know the truth, in cells of 8 pixels, beside a label map that does not."""
    image, truth, coarse = picture
    logits = 6 * (torch.from_numpy(truth[None]) == torch.arange(4)[:, None, None]).float()
    scores = torch.nn.functional.avg_pool2d(logits, 8)
    refiner = Refiner(ColourSam(), background=0, variant="point+box+margin@component/fuse", device="cpu")
    outs = []
    for given, tiling in ((None, CUT), (scores, CUT), (scores, Tiling(None))):
        outs.append(np.zeros(SIZE, np.uint8))
        refine_array(refiner.tiles, image, coarse, outs[-1], tiling, scores=given)
    without, tiled, whole = outs
    assert (tiled == whole).mean() > 0.99
    assert (tiled == truth).mean() > (without == truth).mean() + 0.02


def test_scores_of_a_window_are_interpolated() -> None:
    # A slope is one after interpolation too, but for the outer half of the outermost cells.
    rows, columns = torch.meshgrid(torch.arange(10.0), torch.arange(15.0), indexing="ij")
    scores = torch.stack([3 * rows, columns - 2 * rows])
    found = scores_of_window(scores, Window(20, 32, 24, 40), (80, 120))
    assert found.shape == (2, 6, 10)
    # A cell is 8 pixels; middles are every 4 pixels.
    y, x = (20 + 4 * torch.arange(6.0) + 2) / 8 - 0.5, (32 + 4 * torch.arange(10.0) + 2) / 8 - 0.5
    torch.testing.assert_close(found[0], (3 * y)[:, None].expand(6, 10))
    torch.testing.assert_close(found[1], x - 2 * y[:, None])
    edge = scores_of_window(scores, Window(0, 0, 9, 3), (80, 120))
    assert edge.shape == (2, 3, 1)
    assert edge[:, 0, 0].tolist() == [0, 0]


def test_one_tile_is_the_whole_picture(picture: tuple[NDArray[np.uint8], ...]) -> None:
    image, _, coarse = (part[:128, :160] for part in picture)
    for row in ("auto", "box"):
        refiner = Refiner.from_pretrained(sam="demo", background=0, variant=row, device="cpu")
        direct = refiner.refine(np.ascontiguousarray(image), coarse).label_map.numpy()
        assert (direct != coarse).any()
        assert np.array_equal(refined(refiner, image, coarse, Tiling()), direct)


def test_auto_looks_at_small_things_in_full_resolution(picture: tuple[NDArray[np.uint8], ...]) -> None:
    """The built-in SAM's square has 128 pixels: a picture of 512 would be shrunk to a quarter."""
    refiner = Refiner.from_pretrained(sam="demo", background=0, device="cpu")
    assert refiner.tiles.square == 128
    image, truth, coarse = (part[:128] for part in picture)
    outs = []
    for tiling in (Tiling(), Tiling(None)):
        seen: list[tuple[int, int]] = []
        out = np.zeros(truth.shape, np.uint8)
        sure = np.zeros(truth.shape, np.float32)
        outcome = refine_array(
            *(refiner.tiles, image, coarse, out, tiling),
            progress=lambda *n, seen=seen: seen.append(n),  # type: ignore[misc]
            confidence=sure,
        )
        assert seen == [(n, outcome.tiles) for n in range(1, outcome.tiles + 1)]
        assert outcome.pixels == out.size
        assert outcome.changed == (out != coarse).sum() > 0
        assert outcome.confidence == pytest.approx(sure.mean(), rel=1e-5)
        # It is higher where the labels are right.
        assert sure[out == truth].mean() > sure[out != truth].mean() + 0.01
        assert sure.max() <= 1 < 6 * sure.min()
        outs.append((outcome.tiles, out))
    assert [tiles for tiles, _ in outs] == [5, 1]
    assert (outs[0][1] == truth).mean() > (outs[1][1] == truth).mean() + 0.02


def test_arrays_may_be_files_and_void_stays_void(picture: tuple[NDArray[np.uint8], ...], tmp_path: Path) -> None:
    image, _, coarse = (part.copy() for part in picture)
    coarse[40:90, 100:200] = 255
    np.save(tmp_path / "image.npy", image)
    mapped = np.load(tmp_path / "image.npy", mmap_mode="r")
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.uint8, SIZE)
    refiner = Refiner(ColourSam(), background=0, variant="point+box@component/iou/baseline", device="cpu")
    refine_array(refiner.tiles, mapped, coarse, out, CUT, void=255)
    # A row that paints may claim void, and leaves what nothing claims.
    assert 0 < (out == 255).sum() <= (coarse == 255).sum()
    assert not (out[coarse != 255] == 255).any()


def test_what_cannot_be() -> None:
    image, labels = np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), np.uint8)
    refiner = Refiner(ColourSam(), background=0, device="cpu", variant="box")
    with pytest.raises(ValueError, match="over itself"):
        refine_array(refiner.tiles, image, labels, labels)
    with pytest.raises(ValueError, match="do not belong together"):
        refine_array(refiner.tiles, image[:39], labels, labels.copy())
    with pytest.raises(ValueError, match="the plan is of"):
        refine_tiles(refiner.tiles.scores, Arrays(image, labels), ArraySink(labels.copy()), Plan(40, 51, 32, 8))


def test_tiles_are_asked_once_and_windows_written_once() -> None:
    """Nothing of the picture is held: a tile is read when its turn comes, and its cell is written before the next."""
    labels = np.random.default_rng(3).integers(0, 5, (70, 90))
    events: list[str] = []

    class Watched(Arrays):
        def read(self, window):  # type: ignore[no-untyped-def]
            events.append("read")
            return super().read(window)

    class Watching(ArraySink):
        def write(self, window, done):  # type: ignore[no-untyped-def]
            events.append("write")
            super().write(window, done)

    def unchanged(tile: Given) -> ClassScores:
        return certain(tile.label_map)

    out = np.full((70, 90), VOID)
    plan = Plan(70, 90, 32, 8)
    outcome = refine_tiles(unchanged, Watched(np.zeros((70, 90, 3), np.uint8), labels), Watching(out), plan)
    assert events == ["read", "write"] * len(plan)
    assert np.array_equal(out, labels)
    assert (outcome.changed, outcome.confidence) == (0, 1)
