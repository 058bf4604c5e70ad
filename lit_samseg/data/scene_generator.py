"""A generated world of labelled scenes, so that the demo and the tests need no files.

A scene is a cluttered, textured ground with a few objects on it: overlapping, partly thin, made of
several parts of different colour. Everything follows from ``(seed, index)``. Random numbers come
from numpy's PCG64 through ``Generator.random()`` alone, the one stream numpy keeps stable, and
labels are integer polygons filled without anti-aliasing, so they are the same on every machine.
Images pass through floating-point filters and may differ by a grey level between OpenCV builds.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Polygon = NDArray[np.float64]  # [N, 2] (x, y)
Part = tuple[list[Polygon], int]  # outlines filled by the even-odd rule, colour slot 0..2

CLASS_NAMES: tuple[str, ...] = (
    "background", "ball", "ring", "crate", "lamp", "cart", "tripod", "plant", "fish",
)  # fmt: skip
VOID = 255
SPLIT_SEEDS: dict[str, int] = {"train": 1, "val": 2, "test": 3}
MIN_SIDE, MAX_SIDE = 128, 192

# One palette for objects and grounds: colour alone must not give the class away.
_PALETTE = np.array(
    [
        (176, 72, 58), (206, 138, 66), (214, 186, 98), (118, 142, 70), (62, 112, 82),
        (78, 140, 150), (66, 94, 148), (118, 88, 146), (170, 104, 128), (128, 98, 72),
        (196, 188, 172), (98, 98, 102), (52, 54, 62), (150, 152, 156),
    ],
    dtype=np.float64,
)  # fmt: skip


class _Draw:
    """Random choices of one scene, in the order in which they are asked for."""

    def __init__(self, seed: int, index: int) -> None:
        stream = np.random.PCG64(np.random.SeedSequence([seed, index]))
        self._generator = np.random.Generator(stream)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(self._generator.random())

    def pick(self, count: int) -> int:
        return int(float(self._generator.random()) * count)

    def field(self, *shape: int) -> NDArray[np.float32]:
        """Independent numbers in [-1, 1), float32 of the given shape."""
        return (self._generator.random(shape) * 2 - 1).astype(np.float32)

    def colour(self) -> NDArray[np.float64]:
        shade: NDArray[np.float64] = _PALETTE[self.pick(len(_PALETTE))] + self.field(3) * 22
        return shade


def _ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Polygon:
    t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    u, v = rx * np.cos(t), ry * np.sin(t)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([x + c * u - s * v, y + s * u + c * v], axis=1)


def _bar(x0: float, y0: float, x1: float, y1: float, half: float) -> Polygon:
    along = np.array([x1 - x0, y1 - y0])
    side = np.array([-along[1], along[0]]) * (half / max(float(np.hypot(*along)), 1e-9))
    start, end = np.array([x0, y0]), np.array([x1, y1])
    return np.array([start + side, end + side, end - side, start - side])


def _points(*pairs: tuple[float, float]) -> Polygon:
    return np.array(pairs, dtype=np.float64)


# Each shape gives its parts in a frame of about [-1, 1]², y down; `thin` is half the width of a
# pole in that frame, chosen by the caller so that poles stay some pixels wide at every scale.
def _ball(draw: _Draw, thin: float) -> list[Part]:
    turn = draw.between(0, np.pi)
    stripe = draw.between(0.15, 0.4)
    return [([_ellipse(0, 0, 0.9, 0.9)], 0), ([_ellipse(0, 0, 0.88, stripe, turn)], 1)]


def _ring(draw: _Draw, thin: float) -> list[Part]:
    inner = min(draw.between(0.6, 0.8), 1 - 2.2 * thin)
    squash = draw.between(0.7, 1.0)
    band = [_ellipse(0, 0, 1, squash), _ellipse(0, 0, inner, inner * squash)]
    return [(band, 0), ([_ellipse(0, -squash, 0.24, 0.24)], 1)]


def _crate(draw: _Draw, thin: float) -> list[Part]:
    w, h = draw.between(0.7, 1.0), draw.between(0.55, 0.9)
    frame = _points((-w, -h), (w, -h), (w, h), (-w, h))
    brace = _bar(-w + thin, -h + thin, w - thin, h - thin, thin)
    return [([frame], 0), ([frame, frame * (1 - 1.6 * thin)], 1), ([brace], 1)]


def _lamp(draw: _Draw, thin: float) -> list[Part]:
    top, wide = draw.between(0.2, 0.35), draw.between(0.45, 0.65)
    shade = _points((-top, -1), (top, -1), (wide, -0.35), (-wide, -0.35))
    foot = _points((-0.4, 1), (-0.25, 0.86), (0.25, 0.86), (0.4, 1))
    return [([_bar(0, -0.5, 0, 0.95, thin)], 1), ([foot], 1), ([shade], 0)]


def _cart(draw: _Draw, thin: float) -> list[Part]:
    body = _points((-0.9, -0.45), (0.75, -0.45), (0.55, 0.35), (-0.7, 0.35))
    r = draw.between(0.24, 0.34)
    parts: list[Part] = [([_bar(0.6, 0.0, 1.05, -0.85, thin)], 1), ([body], 0)]
    for x in (-0.5, 0.4):
        parts += [([_ellipse(x, 0.5, r, r)], 2), ([_ellipse(x, 0.5, r * 0.4, r * 0.4)], 1)]
    return parts


def _tripod(draw: _Draw, thin: float) -> list[Part]:
    spread = draw.between(0.5, 0.85)
    legs = [_bar(0, -0.45, x, 1.0, thin) for x in (-spread, draw.between(-0.15, 0.15), spread)]
    head = _points((-0.35, -0.9), (0.35, -0.9), (0.35, -0.42), (-0.35, -0.42))
    return [*(([leg], 1) for leg in legs), ([head], 0), ([_ellipse(0, -0.66, 0.15, 0.15)], 2)]


def _plant(draw: _Draw, thin: float) -> list[Part]:
    parts: list[Part] = []
    count = 4 + draw.pick(4)
    for i in range(count):
        turn = -np.pi * (0.12 + 0.76 * (i + draw.between(-0.2, 0.2)) / (count - 1))
        reach = draw.between(0.38, 0.58)
        x, y = reach * np.cos(turn), 0.35 + 1.1 * reach * np.sin(turn)
        parts.append(([_ellipse(x, y, reach, max(0.13, thin), turn)], i % 2))
    parts.append(([_points((-0.42, 0.3), (0.42, 0.3), (0.28, 1), (-0.28, 1))], 2))
    return parts


def _fish(draw: _Draw, thin: float) -> list[Part]:
    tall = draw.between(0.36, 0.52)
    tail = _points((0.5, 0), (1, -0.48), (0.88, 0), (1, 0.48))
    fin = _points((-0.25, -tall * 0.8), (0.1, -tall - 0.3), (0.3, -tall * 0.7))
    band = _points((-0.1, -tall * 0.9), (0.12, -tall * 0.9), (0.12, tall * 0.9), (-0.1, tall * 0.9))
    body, eye = _ellipse(-0.15, 0, 0.8, tall), _ellipse(-0.65, -0.1, 0.08, 0.08)
    return [([tail], 1), ([fin], 1), ([body], 0), ([band], 2), ([eye], 2)]


_SHAPES: tuple[Callable[[_Draw, float], list[Part]], ...] = (
    _ball, _ring, _crate, _lamp, _cart, _tripod, _plant, _fish,
)  # fmt: skip


def _smooth(draw: _Draw, shape: tuple[int, int], cell: int) -> NDArray[np.float32]:
    """Smooth noise in about [-1, 1], float32 [H, W]; `cell` is its grain in pixels."""
    coarse = draw.field(shape[0] // cell + 2, shape[1] // cell + 2)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _stripes(draw: _Draw, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Parallel waves in [-1, 1] of a random direction and a period of 5 to 14 px, [H, W]."""
    turn, wave = draw.between(0, np.pi), 2 * np.pi / draw.between(5, 14)
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    x = np.arange(shape[1], dtype=np.float32)[None, :]
    return np.asarray(np.sin((x * np.cos(turn) + y * np.sin(turn)) * wave), np.float32)


def _fill(polygons: list[Polygon], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels inside the outlines (even-odd), bool [H, W]; corners rounded, no anti-aliasing."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32) for polygon in polygons], 1)
    return mask.astype(bool)


def _ground(draw: _Draw, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A wall, a floor and unlabelled clutter, RGB float32 [H, W, 3]."""
    first, second = draw.colour(), draw.colour()
    level = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] + draw.between(-0.5, 0.5)
    edge = level * draw.between(0.3, 2.0) + _smooth(draw, shape, 40) * draw.between(0.1, 1.0)
    image = np.where(edge[..., None] > 0, first, second).astype(np.float32)
    image += (_stripes(draw, shape) * draw.between(0, 16) * (edge > 0))[..., None]
    for _ in range(6 + draw.pick(14)):
        x, y = draw.between(0, shape[1]), draw.between(0, shape[0])
        reach, turn = draw.between(3, 13), draw.between(0, 2 * np.pi)
        if draw.pick(2):  # a stick: thin like a pole, but nothing
            dx, dy = 1.6 * reach * np.cos(turn), 1.6 * reach * np.sin(turn)
            mask = _fill([_bar(x, y, x + dx, y + dy, draw.between(0.6, 1.6))], shape)
        else:  # a shard with three corners
            corners = turn + np.array([0.0, 1.7, 3.6])
            shard = np.stack([x + reach * np.cos(corners), y + reach * np.sin(corners)], 1)
            mask = _fill([shard], shape)
        image[mask] += (draw.colour() - image[mask]) * draw.between(0.3, 0.8)
    image += (_smooth(draw, shape, 3 + draw.pick(6)) * draw.between(4, 18))[..., None]
    return image


def _place(draw: _Draw, kind: int, taken: NDArray[np.int16]) -> list[tuple[NDArray[np.bool_], int]]:
    """One object's parts at the freer of two random places: (mask bool [H, W], colour slot)."""
    h, w = taken.shape
    scale = draw.between(0.11, 0.27) * min(h, w)
    parts = _SHAPES[kind](draw, draw.between(2.1, 3.4) / scale)
    turn = draw.between(-0.35, 0.35)
    mirror = -1.0 if draw.pick(2) else 1.0
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    frame = np.array([[c * mirror, s * mirror], [-s, c]])
    options = []
    for _ in range(2):
        centre = np.array([draw.between(0.1, 0.9) * w, draw.between(0.1, 0.9) * h])
        masks = [(_fill([p @ frame + centre for p in polygons], taken.shape), slot) for polygons, slot in parts]
        options.append((sum(int((taken[mask] > 0).sum()) for mask, _ in masks), masks))
    return min(options, key=lambda option: option[0])[1]


def generate_scene(seed: int, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Make one scene.

    Args:
        seed: World of the scene; `SPLIT_SEEDS` names the ones in use.
        index: Number of the scene in that world, 0 or more.

    Returns:
        The image, uint8 RGB [H, W, 3], and its label map, uint8 [H, W]: indices into
        `CLASS_NAMES`, and `VOID` on the 2 px band where two objects, or an object and the ground,
        meet. H and W are between `MIN_SIDE` and `MAX_SIDE`.
    """
    draw = _Draw(seed, index)
    span = MAX_SIDE - MIN_SIDE + 1
    shape = (MIN_SIDE + draw.pick(span), MIN_SIDE + draw.pick(span))
    image = _ground(draw, shape)
    grain = _smooth(draw, shape, 4)
    label = np.zeros(shape, np.uint8)
    instances = np.zeros(shape, np.int16)
    for number in range(1, 4 + draw.pick(4)):
        kind = draw.pick(len(_SHAPES))
        masks = _place(draw, kind, instances)
        whole = np.logical_or.reduce([mask for mask, _ in masks])
        shadow = np.zeros(shape, np.float32)
        shadow[3:, 4:] = whole[:-3, :-4]
        shadow = np.asarray(cv2.GaussianBlur(shadow, (9, 9), 0), np.float32)
        image *= (1 - draw.between(0.1, 0.4) * shadow)[..., None]
        colours = [draw.colour() for _ in range(3)]
        relief = grain * draw.between(2, 12) + _stripes(draw, shape) * draw.between(0, 14)
        for mask, slot in masks:
            image[mask] = colours[slot] + relief[mask][:, None]
        label[whole] = kind + 1
        instances[whole] = number

    box = np.ones((3, 3), np.uint8)
    label[cv2.dilate(instances, box) != cv2.erode(instances, box)] = VOID

    light = 1 + draw.between(0, 0.25) * _smooth(draw, shape, 90) + draw.between(-0.12, 0.08)
    image = np.asarray(cv2.GaussianBlur(image * light[..., None], (3, 3), 0.7), np.float32)
    image += draw.field(*shape, 3) * draw.between(4, 20)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), label
