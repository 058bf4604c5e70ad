"""Known weights by name: where a published checkpoint lies and what its SHA-256 is."""

from dataclasses import dataclass
from pathlib import Path

from lit_samseg.checkpoints.download import cache_folder, fetch
from lit_samseg.checkpoints.hub import check_unambiguous, is_hub_id
from lit_samseg.checkpoints.weights import DEMO_WEIGHTS, sha256_of_file
from lit_samseg.errors import InputError

_FILE_SUFFIXES = (".pt", ".pth", ".safetensors")
_META = "https://dl.fbaipublicfiles.com/segment_anything"


@dataclass(frozen=True)
class KnownWeights:
    """A published checkpoint file.

    Attributes:
        url: Where it is published; its last part is the file's name in the cache.
        sha256: Of the published file.
    """

    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[-1]


KNOWN_WEIGHTS = {
    "vit_h": KnownWeights(
        f"{_META}/sam_vit_h_4b8939.pth", "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"
    ),
    "vit_l": KnownWeights(
        f"{_META}/sam_vit_l_0b3195.pth", "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"
    ),
    "vit_b": KnownWeights(
        f"{_META}/sam_vit_b_01ec64.pth", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"
    ),
    "mobile_sam": KnownWeights(
        "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/mobile_sam.pt",
        "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
    ),
}
"""Checkpoints of `SegmentAnything` by name (SPEC 6)."""


def means_hub_id(checkpoint: str) -> bool:
    """Tell whether a text means OWNER/NAME on the hub, and not a weight file by its path."""
    path = Path(checkpoint).expanduser()
    return is_hub_id(checkpoint) and not path.exists() and path.suffix not in _FILE_SUFFIXES


def resolve_checkpoint(checkpoint: str) -> Path:
    """Return the file that a checkpoint option means.

    Args:
        checkpoint: A path; ``demo`` for the built-in tiny SAM; or a name of `KNOWN_WEIGHTS`, which is looked for in the
            cache folder (``LIT_SAMSEG_CACHE``, else the user's cache) and downloaded there once. A file of that name in
            the working folder goes first.

    Raises:
        InputError: It is a folder, a hub id or an unknown name; or a known file cannot be downloaded, or what the cache
            holds under its name is another file.
    """
    if checkpoint == "demo":
        check_unambiguous(checkpoint)
        return DEMO_WEIGHTS / "sam.safetensors"
    path = Path(checkpoint).expanduser()
    known = KNOWN_WEIGHTS.get(checkpoint)
    if known is None:
        if path.is_dir() or means_hub_id(checkpoint):
            raise InputError(
                f"SAM checkpoint {checkpoint} is no weight file; for a folder or hub id in the layout of transformers "
                "use lit_samseg.sam.HubSam, for one that lit-samseg export wrote lit_samseg.sam.OnnxSegmenter"
            )
        if len(path.parts) == 1 and not path.suffix and not path.exists():
            names = ", ".join((*KNOWN_WEIGHTS, "demo"))
            raise InputError(f"SAM checkpoint {checkpoint!r} is neither a file nor a known name; the names are {names}")
        return path
    if path.is_file():
        return path
    cached = fetch(known.url, cache_folder() / known.file_name, f"sha256:{known.sha256}", f"SAM {checkpoint}")
    if sha256_of_file(cached) != known.sha256:
        raise InputError(
            f"{cached} is not the published {checkpoint} (another SHA-256); delete it or give another checkpoint"
        )
    return cached
