"""Checkpoints by name; the network is never asked here (tests/test_download.py has a server of its own)."""

import hashlib
from pathlib import Path

import pytest

from lit_samseg.errors import InputError
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam import known_weights as registry
from lit_samseg.sam.known_weights import KNOWN_WEIGHTS, KnownWeights, resolve_checkpoint


def test_names_and_sums_are_the_contracts() -> None:
    spec = {
        "sam_vit_h_4b8939.pth": "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        "sam_vit_l_0b3195.pth": "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        "sam_vit_b_01ec64.pth": "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        "mobile_sam.pt": "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
    }
    assert {known.file_name: known.sha256 for known in KNOWN_WEIGHTS.values()} == spec
    assert all(known.url.startswith("https://") for known in KNOWN_WEIGHTS.values())


def test_paths_and_the_built_in_one() -> None:
    assert resolve_checkpoint("weights/any.pth") == Path("weights/any.pth")
    assert resolve_checkpoint("demo").is_file()
    with pytest.raises(InputError, match=r"'vit_x' is neither a file nor a known name; the names are vit_h, .*demo"):
        resolve_checkpoint("vit_x")


def test_folders_and_hub_ids_are_for_the_other_class(tmp_path: Path) -> None:
    for text in ("facebook/sam2.1-hiera-tiny", "facebook/sam-vit-base", str(tmp_path)):
        with pytest.raises(InputError, match=f"{text} is no weight file.*use lit_samseg.sam.HubSam") as caught:
            SegmentAnything(text)
        assert "\n" not in str(caught.value)
    assert resolve_checkpoint("weights/none.safetensors") == Path("weights/none.safetensors")


def test_a_cached_file_is_used_without_network_and_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = b"weights"
    known = KnownWeights("https://nowhere.invalid/some.pth", hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(registry.KNOWN_WEIGHTS, "vit_b", known)
    monkeypatch.setenv("LIT_SAMSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"https://nowhere\.invalid/some\.pth .* put it at .*cache/some\.pth"):
        resolve_checkpoint("vit_b")
    (tmp_path / "cache/some.pth").write_bytes(content)
    assert resolve_checkpoint("vit_b") == tmp_path / "cache/some.pth"
    (tmp_path / "cache/some.pth").write_bytes(b"another file")
    with pytest.raises(InputError, match=r"some\.pth is not the published vit_b"):
        resolve_checkpoint("vit_b")
    (tmp_path / "vit_b").write_bytes(b"mine")
    assert resolve_checkpoint("vit_b") == Path("vit_b")
