from pathlib import Path

import pytest

from lit_samseg.data.subset import draw_subset, read_ids
from lit_samseg.errors import InputError

IDS = [f"2007_{n:06d}" for n in range(200)]


# From coreutils: for i in $(seq 0 199); do echo "$(printf "0:$i" | sha256sum) $i"; done | sort | head -5
PINNED = ["2007_000015", "2007_000044", "2007_000046", "2007_000087", "2007_000192"]


def test_the_draw_is_pinned_for_every_library_version() -> None:
    assert draw_subset(IDS, 5, 0) == PINNED
    assert draw_subset(list(reversed(IDS)), 5, 0) == PINNED


def test_a_subset_is_sorted_without_repeats_and_grows_with_its_size() -> None:
    small, large = draw_subset(IDS, 20, 7), draw_subset(IDS, 100, 7)
    assert large == sorted(set(large))
    assert len(large) == 100
    assert set(small) < set(large)
    assert draw_subset(IDS, 100, 8) != large
    assert draw_subset(IDS, 200, 8) == IDS


def test_every_image_is_drawn_equally_often() -> None:
    drawn = [i for seed in range(400) for i in draw_subset(IDS[:20], 5, seed)]
    times = [drawn.count(i) for i in IDS[:20]]
    # Binomial(400, 1/4): mean 100, standard deviation 8.7.
    assert min(times) > 60
    assert max(times) < 140


@pytest.mark.parametrize("size", [0, -1, 201])
def test_impossible_sizes(size: int) -> None:
    with pytest.raises(InputError, match=r"has 200 images, give 1\.\.200"):
        draw_subset(IDS, size, 0)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"a\n\nb\na\n", "names a more than once"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"../../etc/passwd\n", "is a path"),
        (b"/etc/passwd\n", "is a path"),
    ],
)
def test_unusable_lists(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        read_ids(path)


def test_lists_skip_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("b\n\n a \r\n")
    assert read_ids(path) == ["b", "a"]
    with pytest.raises(InputError, match="cannot be read"):
        read_ids(tmp_path / "none.txt")
