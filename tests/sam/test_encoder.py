"""Prepared image encoders against the official ones with the same weights."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lit_samseg.errors import InputError
from lit_samseg.sam import HubSam, SegmentAnything, batching
from lit_samseg.sam.known_weights import resolve_checkpoint
from lit_samseg.sam.official import attention
from lit_samseg.sam.official.architecture import SamArchitecture, build_sam
from lit_samseg.sam.official.checkpoint import load_sam
from lit_samseg.sam.official.encoder import prepare_encoder
from lit_samseg.sam.official.mobile_sam import TinyViTEncoder
from tests.conftest import SHARED
from tests.sam import tiny_hub

# Windows of 5 on a grid of 12 need padding; three heads; two global blocks.
ODD = SamArchitecture(
    image_size=96, patch_size=8, encoder_dim=48, encoder_depth=4, encoder_heads=3, encoder_global_attention=(1, 3),
    window_size=5, prompt_dim=16, decoder_depth=1, decoder_heads=2, decoder_mlp_dim=24, iou_head_hidden_dim=20,
)  # fmt: skip
KINDS = ["demo", "odd", "tiny_vit"]


def build(kind: str) -> nn.Module:
    """An official encoder in which every tensor counts."""
    torch.manual_seed(7)
    if kind == "demo":
        return load_sam(resolve_checkpoint("demo"))[1].image_encoder
    encoder: nn.Module = build_sam(ODD).image_encoder if kind == "odd" else TinyViTEncoder()
    with torch.no_grad():
        for name, tensor in encoder.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif name.endswith(("bias", "running_mean", "biases", "rel_pos_h", "rel_pos_w", "pos_embed")):
                tensor.normal_(std=0.3)
            elif name.endswith("conv3.bn.weight"):
                tensor.fill_(1)  # zero at birth, which would hide a whole branch
    return encoder.eval()


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, nn.Module]:
    official = build(request.param)
    return official, prepare_encoder(copy.deepcopy(official))


def picture(encoder: nn.Module, batch: int) -> Tensor:
    # TinyViT takes any size; 96 pixels make grids of 12 and 6, which its windows of 7 and 14 do not divide.
    size = 96 if isinstance(encoder, TinyViTEncoder) else int(encoder.img_size)
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(batch))


@torch.inference_mode()
def encode(encoder: nn.Module, images: Tensor, precision: torch.dtype | None = None) -> Tensor:
    with torch.autocast("cpu", precision or torch.bfloat16, enabled=precision is not None):
        features: Tensor = encoder(images)
    return features


@pytest.mark.parametrize("batch", [1, 2])
def test_features_are_the_official_ones(pair: tuple[nn.Module, nn.Module], batch: int) -> None:
    official, prepared = pair
    images = picture(official, batch)
    expected = encode(official, images)
    assert expected.std() > 0.1
    torch.testing.assert_close(encode(prepared, images), expected, atol=2e-5, rtol=0)


def test_bfloat16_is_no_further_off_than_the_official(pair: tuple[nn.Module, nn.Module]) -> None:
    official, _ = pair
    images = picture(official, 1)
    exact = encode(official, images)
    theirs, ours = (encode(encoder, images, torch.bfloat16) - exact for encoder in pair)
    assert ours.abs().mean() > 0
    assert ours.pow(2).mean().sqrt() < 1.3 * theirs.pow(2).mean().sqrt()
    assert ours.pow(2).mean().sqrt() < 0.03 * exact.std()


def test_gradients_are_the_official_ones_and_no_attention_weights_are_kept_for_them(
    pair: tuple[nn.Module, nn.Module],
) -> None:
    official, prepared = pair
    images = picture(official, 2)
    kept: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    found = []
    for encoder in (official, prepared):
        own = {name: w for name, w in encoder.named_parameters() if name.endswith(("qkv.weight", "proj.weight"))}
        for weight in own.values():
            weight.requires_grad_(True)
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            features = encoder(images)
        torch.autograd.backward(features.square().mean())
        found.append({name: weight.grad for name, weight in own.items()})
        encoder.zero_grad()
        encoder.requires_grad_(False)
    shared = found[0].keys() & found[1].keys()
    assert len(shared) > 5
    for name in shared:
        ours, theirs = found[1][name], found[0][name]
        assert ours is not None
        assert theirs is not None
        torch.testing.assert_close(ours, theirs, atol=1e-4 * float(theirs.abs().max()), rtol=0)
    if not isinstance(official, TinyViTEncoder):
        # Of the prepared one, the last; the tokens' hidden layer is four times as wide as they are.
        tokens = (official.img_size // 8) ** 2
        assert max(kept) < 2 * official.blocks[0].attn.num_heads * tokens**2


def test_nothing_is_trainable_and_a_vit_keeps_its_state_dict() -> None:
    official = build("odd")
    expected = {name: tensor.clone() for name, tensor in official.state_dict().items()}
    prepared = prepare_encoder(official)
    assert not any(parameter.requires_grad for parameter in prepared.parameters())
    found = prepared.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_no_batch_norm_is_left() -> None:
    prepared = prepare_encoder(TinyViTEncoder())
    assert not prepared.training
    assert not any(parameter.requires_grad for parameter in prepared.parameters())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in prepared.modules())


def test_position_tables_of_another_size_are_interpolated() -> None:
    """As the official module does where a checkpoint was trained with another window."""
    official = build("odd")
    for block in official.blocks:  # type: ignore[union-attr]
        block.attn.rel_pos_h = nn.Parameter(torch.randn(17, 16))
        block.attn.rel_pos_w = nn.Parameter(torch.randn(31, 16))
    images = picture(official, 1)
    expected = encode(official, images)
    torch.testing.assert_close(encode(prepare_encoder(official), images), expected, atol=2e-5, rtol=0)


# One row of one head at a time; several rows; several heads; several windows.
@pytest.mark.parametrize("tile_bytes", [1, 4 * 12**3 * 5, 4 * 12**4 * 2, 4 * 5**4 * 3 * 4])
def test_tiles_do_not_change_the_features(monkeypatch: pytest.MonkeyPatch, tile_bytes: int) -> None:
    prepared = prepare_encoder(build("odd"))
    images = picture(prepared, 2)
    whole = encode(prepared, images)
    monkeypatch.setitem(attention.TILE_BYTES, "cpu", tile_bytes)
    torch.testing.assert_close(encode(prepared, images), whole, atol=1e-5, rtol=0)


class LargestTensor(TorchDispatchMode):
    """Remembers the most elements that any operation's result had in memory."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.untyped_storage().nbytes() // tensor.element_size())
        return result


def test_the_attention_weights_of_a_block_are_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    official = build("odd")
    images = picture(official, 1)
    weights = 3 * (12 * 12) ** 2  # heads x N x N
    with LargestTensor() as largest:
        encode(official, images)
    assert largest.elements >= weights
    monkeypatch.setitem(attention.TILE_BYTES, "cpu", 4 * weights // 8)
    prepared = prepare_encoder(official)
    with LargestTensor() as largest:
        encode(prepared, images)
    # Queries, keys and values of all windows: nothing grows with N squared.
    assert largest.elements <= math.prod((9, 25, 3, 48)) < weights


@pytest.mark.gpu
def test_a_batch_on_a_gpu_gives_what_single_images_give() -> None:
    sam = SegmentAnything("demo").cuda()
    images = [torch.randint(256, (3, h, w), dtype=torch.uint8).cuda() for h, w in ((64, 32), (50, 90), (128, 128))]
    together = sam.encode(images)
    for image, embedding in zip(images, together, strict=True):
        torch.testing.assert_close(embedding.features, sam.encode([image])[0].features, atol=1e-4, rtol=0)


def test_a_compiled_encoder_sees_few_sizes_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is translated anew for each."""
    monkeypatch.setattr(batching, "images_per_call", len)
    sam, sizes = SegmentAnything("demo"), list[int]()
    images = [torch.full((3, 40, 50 + n), 30 * n, dtype=torch.uint8) for n in range(7)]
    expected = [sam.encode([image])[0] for image in images]
    sam.compiled = True
    sam.model.image_encoder.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    for count in (7, 3, 1):
        for embedding, alone in zip(sam.encode(images[:count]), expected[:count], strict=True):
            torch.testing.assert_close(embedding.features, alone.features, atol=1e-4, rtol=0)
            assert embedding.frame == alone.frame
    assert sizes == [8, 4, 1]


def test_without_a_compiler_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        InputError, match=r"no-such-compiler is not on the PATH; install it .*or leave sam\.compile out"
    ):
        SegmentAnything("demo", compile=True)


@pytest.mark.slow
def test_compiled_features_are_the_uncompiled_ones() -> None:
    image = torch.randint(256, (3, 100, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain, compiled = SegmentAnything("demo"), SegmentAnything("demo", compile=True)
    expected = plain.encode([image])[0].features
    torch.testing.assert_close(compiled.encode([image])[0].features, expected, atol=1e-4, rtol=0)
    assert plain.model.state_dict().keys() == compiled.model.state_dict().keys()
    assert plain.identity != compiled.identity


@pytest.mark.slow
def test_a_compiled_hub_sam_gives_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("hub")
    tiny_hub.save("sam", folder)
    image = torch.randint(256, (3, 40, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain, compiled = HubSam(str(folder)), HubSam(str(folder), compile=True)
    expected = plain.encode([image])[0].features
    torch.testing.assert_close(compiled.encode([image])[0].features, expected, atol=1e-4, rtol=0)


@pytest.mark.real
def test_the_published_mobile_sam() -> None:
    official = load_sam(SHARED / "weights/mobile_sam.pt")[1].image_encoder.eval()
    images = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    expected = encode(official, images)
    torch.testing.assert_close(encode(prepare_encoder(official), images), expected, atol=2e-5, rtol=0)
