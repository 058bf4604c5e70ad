"""The SAM family in the layout of transformers: SAM, SAM-HQ, SAM 2 and 2.1, SAM 3's tracker and EdgeTAM.

Sources: Kirillov et al., 2023 (SAM); Ke et al., 2023 (SAM-HQ); Ravi et al., 2024 (SAM 2); Carion et al., 2025 (SAM 3);
Zhou et al., 2025 (EdgeTAM). Only the models' public ``get_image_embeddings`` and ``forward`` are used. Geometry is
ours (`Frame`, `SquareFrame`): no processor resizes, pads or post-processes.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from inspect import unwrap
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lit_samseg.checkpoints.hub import find_checkpoint_folder
from lit_samseg.checkpoints.identity import identity_of, sha256_of_settings
from lit_samseg.checkpoints.pretrained import load_pretrained, read_config, using_config
from lit_samseg.checkpoints.weights import freeze
from lit_samseg.errors import InputError
from lit_samseg.sam.batching import decode_alike_together, encode_together
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Candidates, Embedding, Precision, Prompt
from lit_samseg.sam.known_weights import KNOWN_WEIGHTS
from lit_samseg.sam.official.encoder import compile_encoder
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.precision import autocast, check_precision
from lit_samseg.sam.prompt_tensors import PromptTensors
from lit_samseg.sam.replay import computed_once
from lit_samseg.sam.trainable import TrainableSegmenter
from lit_samseg.sam.transformers_families import FAMILIES, read_normalisation


class HubSam(TrainableSegmenter):
    """A frozen SAM of any generation from the hub, recognised by the ``model_type`` of its configuration.

    ``sam``, ``sam_hq``, ``sam2``, ``sam3_tracker`` and ``edgetam`` are read, and the video models ``sam2_video`` (so
    the published SAM 2.1 call themselves), ``sam3_tracker_video``, ``sam3_video`` and ``edgetam_video``, of which the
    part for single images is loaded. All sizes come from the configuration.

    What the families do differently, as transformers has it: SAM-HQ adds its high-quality mask to each candidate and
    sorts the candidates by score. SAM 2, SAM 3 and EdgeTAM answer a single-mask request whose mask is unstable with the
    best of their three candidates, and give a prompt without point and box one empty point.

    Args:
        checkpoint: A folder with ``config.json`` and ``model.safetensors``, or a hub id such as
            ``facebook/sam-vit-base``, ``syscv-community/sam-hq-vit-base`` or ``facebook/sam2.1-hiera-tiny``.
        precision: ``fp32``, ``bf16`` or ``fp16`` arithmetic in encoder and decoder (weights stay fp32). Logits, scores
            and everything after them are fp32.
        compile: Let ``torch.compile`` translate the image encoder at its first call, which takes a minute or more and a
            C++ compiler. Embeddings differ by rounding.
        adapter: ``adapter.safetensors`` of ``lit-samseg fit``, which takes the place of some weights or, if it is
            LoRA's, is added to them.

    Raises:
        InputError: The checkpoint is missing, broken or of another architecture, the adapter belongs to another one, or
            there is no compiler to ``compile`` with.
    """

    model: Any
    mean: Tensor
    std: Tensor

    takes_resized = True
    encoder_name: ClassVar[str] = "vision_encoder"

    def __init__(
        self, checkpoint: str, precision: Precision = "fp32", compile: bool = False, adapter: str | None = None
    ) -> None:
        super().__init__()
        check_precision(precision)
        if checkpoint in (*KNOWN_WEIGHTS, "demo") and not Path(checkpoint).is_dir():
            raise InputError(f"{checkpoint!r} is no folder or hub id; use lit_samseg.sam.SegmentAnything for this SAM")
        folder = find_checkpoint_folder(checkpoint, "SAM")
        model_type, config = _read_config(folder)
        self.family = FAMILIES[model_type]
        self.model, self.sha256 = load_pretrained(self.family.model_class(), folder, config, f"SAM ({model_type})")
        mean, std = read_normalisation(folder, self.family)
        self._take_adapter(adapter)
        # In the 0-255 scale; buffers, so that they follow the model to its device.
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1) * 255, persistent=False)
        freeze(self)
        if compile:
            compile_encoder(self.model.vision_encoder)
        self.compiled = compile
        self.translated_by = "compile" if compile else None
        self.settings_sha256 = sha256_of_settings(folder)
        self.name = Path(checkpoint).expanduser().absolute().name
        self.checkpoint = checkpoint
        self.precision = precision
        self.images_fitting, self.prompts_fitting = Halving(self.name, "images"), Halving(self.name, "prompts")

    @property
    def identity(self) -> str | None:
        """Weights, configuration and normalisation, a fine-tuning of the encoder's, and whether that is compiled."""
        return identity_of(
            self,
            HubSam,
            weights=self.sha256,
            files=self.settings_sha256,
            family=self.family.model,
            compiled=self.compiled,
            **self.adapted,
        )

    def frame(self, image: Tensor) -> Frame:
        """Return the frame of an image ``[3, H, W]``."""
        height, width = image.shape[-2:]
        prompt_encoder = self.model.prompt_encoder
        # The mask prompt's two strided convolutions bring it down to the embedding's grid.
        return self.family.frame(
            height, width, prompt_encoder.input_image_size, 4 * prompt_encoder.image_embedding_size[0]
        )

    @torch.inference_mode()
    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        """Encode images, on a GPU as many in one call as its memory holds, on a CPU one by one.

        On a GPU the last bits of an embedding may depend on the images beside it; on a CPU they do not.

        Raises:
            InputError: The memory does not hold the work on a single image.
        """
        return encode_together(images, self.images_fitting, self._encode_chunk, self.compiled)

    def encode_with_gradients(self, images: Sequence[Tensor]) -> list[Embedding]:
        """Encode images in one call, with gradients."""
        # transformers switches them off in this method, and nothing else.
        return self._encode_chunk(images, unwrap(type(self.model).get_image_embeddings))

    def decides_embeddings(self, name: str) -> bool:
        """Tell whether `encode` looks at a tensor: at SAM 2's and 3's finer levels it looks with the decoder's own."""
        return super().decides_embeddings(name) or name.startswith(self.family.encoding)

    def _encode_chunk(self, images: Sequence[Tensor], encode: Callable[..., Any] | None = None) -> list[Embedding]:
        frames = [self.frame(image) for image in images]
        # Normalise first, pad with zeros after: the order SAM was trained with.
        squares = [
            frame.pad((frame.resize_image(image) - self.mean) / self.std)
            for frame, image in zip(frames, images, strict=True)
        ]
        with autocast(images[0].device, self.precision):
            encoded = (encode or type(self.model).get_image_embeddings)(self.model, torch.stack(squares))
        features, levels = self.family.split(encoded)
        return [
            Embedding(features[i].float(), frame, tuple(level[i].float() for level in levels))
            for i, frame in enumerate(frames)
        ]

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        """Decode prompts of one image, those with equal token layout together, never padded.

        Raises:
            InputError: The memory does not hold the work on a single prompt.
        """
        return self._decode(embedding, prompts, multimask)

    def _decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool) -> Candidates:
        count = self.model.config.mask_decoder_config.num_multimask_outputs if multimask else 1
        decode_alike = partial(self._decode_alike, embedding, multimask)
        return decode_alike_together(embedding, prompts, count, self.prompts_fitting, decode_alike)

    def answer(self, embedding: Embedding, prompts: Sequence[Prompt]) -> Candidates:
        """Decode like `decode`, with gradients, to the single mask and the candidates, as two calls would."""
        count = 1 + self.model.config.mask_decoder_config.num_multimask_outputs
        decoder = self.model.mask_decoder
        # In training a single mask is that of its own token, however unstable, and nothing else depends on the flag.
        decoder.training = True
        try:
            answer_alike = partial(self._answer_alike, embedding)
            return decode_alike_together(embedding, prompts, count, self.prompts_fitting, answer_alike)
        finally:
            decoder.training = False

    def _answer_alike(self, embedding: Embedding, prompts: PromptTensors) -> tuple[Tensor, Tensor]:
        # transformers computes all masks and shows one or the others: the second time nothing but that is left to do.
        with computed_once(self._parts_that_decode()) as replay:
            single = self._decode_alike(embedding, False, prompts)
            replay.rewind()
            several = self._decode_alike(embedding, True, prompts)
            replay.rewind()
        logits, scores = (torch.cat(pair, 1) for pair in zip(single, several, strict=True))
        return logits, scores

    def _parts_that_decode(self) -> Iterator[nn.Module]:
        yield self.model.prompt_encoder
        for part in self.model.mask_decoder.children():
            # A list of modules is not called itself.
            yield from part if isinstance(part, nn.ModuleList) else [part]

    def _decode_alike(self, embedding: Embedding, multimask: bool, prompts: PromptTensors) -> tuple[Tensor, Tensor]:
        # Every prompt is an image of its own in the batch: transformers takes one mask prompt per image and would
        # give the same one to all prompts of an image.
        inputs = self.family.join(embedding, prompts.count)
        if prompts.points is not None:
            inputs["input_points"] = prompts.points[:, None]
            labels = torch.ones_like(prompts.points[:, None, :, 0], dtype=torch.int64)
            labels[..., labels.shape[-1] - prompts.negative :] = 0
            inputs["input_labels"] = labels
        if prompts.boxes is not None:
            inputs["input_boxes"] = prompts.boxes[:, None]
        if prompts.masks is not None:
            inputs["input_masks"] = prompts.masks
        with autocast(embedding.features.device, self.precision):
            output = self.model(**inputs, multimask_output=multimask)
        return output.pred_masks[:, 0], output.iou_scores[:, 0]


def _read_config(folder: Path) -> tuple[str, Any]:
    from transformers import CONFIG_MAPPING

    settings = read_config(folder, "SAM")
    path, model_type = folder / "config.json", settings["model_type"]
    if model_type not in FAMILIES:
        raise InputError(f"{path} describes {model_type!r}; HubSam reads {', '.join(FAMILIES)}")
    with using_config(folder):
        return model_type, CONFIG_MAPPING[model_type].from_dict(settings)
