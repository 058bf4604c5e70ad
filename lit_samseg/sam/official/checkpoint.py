"""Recognise which SAM a checkpoint holds from its tensors, and build that network."""

from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from lit_samseg.checkpoints.weights import (
    load_strictly,
    read_safetensors_metadata,
    read_state_dict,
)
from lit_samseg.errors import InputError
from lit_samseg.sam.official.architecture import (
    SAM_VIT_B,
    SAM_VIT_H,
    SAM_VIT_L,
    SamArchitecture,
    build_sam,
)
from lit_samseg.sam.official.mobile_sam import build_mobile_sam, is_mobile_sam, rename_published_keys

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_PUBLISHED_VITS = {
    arch.encoder_dim: (name, arch) for name, arch in (("vit_b", SAM_VIT_B), ("vit_l", SAM_VIT_L), ("vit_h", SAM_VIT_H))
}

_SUPPORTED = "give a segment-anything checkpoint (vit_b, vit_l, vit_h) or mobile_sam.pt"
_HUB_SAM = "use lit_samseg.sam.HubSam with a folder that has config.json and model.safetensors, or a hub id"
# A tensor name that gives another well-known network away, what that is, and what to do.
_TELLTALES = (
    ("layer4.0.conv1.weight", "a ResNet classifier", _SUPPORTED),
    ("backbone.layer4.0.conv1.weight", "a torchvision segmentation model", _SUPPORTED),
    ("mask_decoder.hf_token.weight", "SAM-HQ", f"{_HUB_SAM} such as syscv-community/sam-hq-vit-base"),
    ("image_encoder.trunk.pos_embed", "SAM 2", f"{_HUB_SAM} such as facebook/sam2.1-hiera-tiny"),
    ("vision_encoder.pos_embed", "a SAM in the layout of transformers", _HUB_SAM),
    ("shared_image_embedding.positional_embedding", "a SAM in the layout of transformers", _HUB_SAM),
)


def load_sam(path: Path) -> tuple[str, "Sam"]:
    """Load any supported checkpoint.

    Args:
        path: A published ``sam_vit_*.pth``, a published ``mobile_sam.pt``, or a safetensors file whose metadata has an
            ``architecture`` (as ``scripts/train_demo.py`` writes).

    Returns:
        The network's name and segment-anything's ``Sam`` module with its weights.

    Raises:
        InputError: The file is unreadable or holds another network; the message says which.
    """
    state = read_state_dict(path)
    described = read_safetensors_metadata(path).get("architecture")
    if described is not None:
        try:
            architecture = SamArchitecture.from_json(described)
        except ValueError as error:
            raise InputError(f"{path}: unusable architecture in its metadata: {error}") from error
        name, sam = path.stem, build_sam(architecture)
    elif is_mobile_sam(state):
        name, sam, state = "mobile_sam", build_mobile_sam(), rename_published_keys(state)
    else:
        name, architecture = _recognise_vit(state, path)
        sam = build_sam(architecture)
    load_strictly(sam, state, path, f"SAM ({name})")
    return name, sam


def _recognise_vit(state: dict[str, Tensor], path: Path) -> tuple[str, SamArchitecture]:
    for key, what, remedy in _TELLTALES:
        if key in state:
            raise InputError(f"{path} holds {what}, which is not a SAM this class reads; {remedy}")
    positions = state.get("image_encoder.pos_embed")
    width = 0 if positions is None else positions.shape[-1]
    if width not in _PUBLISHED_VITS:
        first = ", ".join(list(state)[:3])
        raise InputError(f"{path} is not a SAM checkpoint (its tensors begin {first}); {_SUPPORTED}")
    return _PUBLISHED_VITS[width]
