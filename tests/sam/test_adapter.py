"""Adapters: what they put in place, and which files are none."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lit_samseg.checkpoints.adapter import Adapter, read_adapter
from lit_samseg.checkpoints.trained_on import TrainedOn, check_evaluated
from lit_samseg.errors import InputError
from lit_samseg.sam import Prompt, SegmentAnything


@pytest.fixture(scope="module")
def frozen() -> SegmentAnything:
    return SegmentAnything("demo")


def moved(sam: SegmentAnything, part: str = "mask_decoder.") -> dict[str, torch.Tensor]:
    return {name: tensor + 0.01 for name, tensor in sam.model.state_dict().items() if name.startswith(part)}


def test_tensors_are_put_in_place_and_the_encoder_stays(frozen: SegmentAnything, tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    state = moved(frozen)
    Adapter(state, frozen.sha256, TrainedOn({"scenes/train/scene_00001": None}), {"trained": "mask_decoder"}).write(
        path
    )
    tuned = SegmentAnything("demo", adapter=str(path))
    for name, tensor in tuned.model.state_dict().items():
        assert torch.equal(tensor, state.get(name, frozen.model.state_dict()[name])), name
    assert not any(weight.requires_grad for weight in tuned.parameters())
    assert tuned.identity == frozen.identity  # of embeddings
    image = torch.randint(0, 256, (3, 90, 120), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    (one,), (other,) = frozen.encode([image]), tuned.encode([image])
    assert torch.equal(one.features, other.features)
    assert tuned.embeddings_sha256 == frozen.embeddings_sha256 == frozen.sha256
    # A memory looks at what the decoder makes of the embedding too, and a gate at masks.
    (mine, others) = (sam.pixel_features(one) for sam in (tuned, frozen))
    assert not torch.equal(mine, others)
    for name in ("features_sha256", "tuned_sha256"):
        assert getattr(frozen, name) == frozen.sha256 != getattr(tuned, name)
    prompt = Prompt(points=torch.tensor([[40.0, 30.0]], dtype=torch.float64))
    assert not torch.equal(frozen.decode(one, [prompt]).low_res_logits, tuned.decode(other, [prompt]).low_res_logits)
    assert tuned.adapter is not None
    trained_on = tuned.adapter.trained_on
    check_evaluated(trained_on, {"scenes/val/scene_00001": None}, "x")
    with pytest.raises(InputError, match="1 of the images were used to train x"):
        check_evaluated(trained_on, {"scenes/val/scene_00001": None, "scenes/train/scene_00001": None}, "x")


def test_what_is_no_adapter_of_this_sam(frozen: SegmentAnything, tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"

    def refused(match: str) -> None:
        with pytest.raises(InputError, match=match):
            SegmentAnything("demo", adapter=str(path))

    refused("no such weight file")
    Adapter(moved(frozen), "0" * 64).write(path)
    refused("was trained on another SAM")
    Adapter(moved(frozen, "image_encoder."), frozen.sha256).write(path)
    refused("does not fit SAM: image_encoder.")
    Adapter({"mask_decoder.iou_token.weight": torch.zeros(2, 2)}, frozen.sha256).write(path)
    refused("does not fit SAM: mask_decoder.iou_token.weight")
    Adapter({"mask_decoder.nothing": torch.zeros(2)}, frozen.sha256).write(path)
    refused("does not fit SAM: mask_decoder.nothing")
    save_file(moved(frozen), path)
    refused("is no adapter")
    save_file(moved(frozen), path, {"format": "lit_samseg.adapter", "sam_sha256": frozen.sha256, "trained_on": "{}"})
    refused("is no adapter")
    path.write_bytes(b"nothing of the kind")
    refused("is not a whole safetensors file")
    checkpoint = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"a": torch.zeros(1)}}, checkpoint)
    with pytest.raises(InputError, match="is no adapter"):
        read_adapter(checkpoint)
    torch.save({"a": torch.zeros(1)}, checkpoint)
    with pytest.raises(InputError, match="is no checkpoint of lit-samseg fit"):
        read_adapter(checkpoint)


def test_gradients_reach_the_decoder_and_answers_are_decodes(frozen: SegmentAnything) -> None:
    sam = SegmentAnything("demo")
    sam.model.mask_decoder.requires_grad_(True)
    image = torch.randint(0, 256, (3, 70, 100), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    (embedding,) = sam.encode([image])
    embedding = type(embedding)(embedding.features.clone(), embedding.frame)
    box = torch.tensor([10.0, 10, 60, 50], dtype=torch.float64)
    prompts = [Prompt(box=box), Prompt(box=box, mask=torch.ones(70, 100, dtype=torch.bool))]
    answers = sam.answer(embedding, prompts)
    three, single = frozen.decode(embedding, prompts), frozen.decode(embedding, prompts, multimask=False)
    both = torch.cat([single.low_res_logits, three.low_res_logits], 1)
    assert torch.allclose(answers.low_res_logits, both, atol=1e-4)
    assert torch.allclose(answers.scores, torch.cat([single.scores, three.scores], 1), atol=1e-5)
    torch.autograd.backward(answers.low_res_logits.mean() + answers.scores.mean())
    without = [name for name, weight in sam.model.mask_decoder.named_parameters() if weight.grad is None]
    # A bias of keys adds the same to all scores of a softmax.
    assert all(name.endswith("k_proj.bias") for name in without)
