import numpy as np

from lit_samseg.drawing import ERROR_KINDS, find_errors


def test_each_kind_of_pixel() -> None:
    target = np.array([[1, 1, 1, 1, 255]], np.uint8)
    baseline = np.array([[1, 2, 1, 2, 1]], np.int16)
    refined = np.array([[1, 2, 2, 1, 2]], np.int16)
    kinds = [ERROR_KINDS[i] for i in find_errors(refined, target, 255, baseline)[0]]
    assert kinds == ["right", "wrong", "broken", "mended", "void"]
    alone = [ERROR_KINDS[i] for i in find_errors(baseline, target, 255)[0]]
    assert alone == ["right", "wrong", "right", "wrong", "void"]


def test_another_wrong_class_is_still_wrong() -> None:
    target, baseline, refined = np.array([[1]]), np.array([[2]]), np.array([[3]])
    assert ERROR_KINDS[find_errors(refined, target, 255, baseline)[0, 0]] == "wrong"
