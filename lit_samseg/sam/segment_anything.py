"""SAM through the official segment-anything package: vit_b, vit_l, vit_h, MobileSAM and the built-in tiny one."""

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import ClassVar

import torch
from torch import Tensor

from lit_samseg.checkpoints.identity import identity_of
from lit_samseg.checkpoints.weights import freeze, sha256_of_file
from lit_samseg.runtime.transfer import upload
from lit_samseg.sam.batching import decode_alike_together, decode_mixed_together, encode_together
from lit_samseg.sam.class_prompts import known_by, make_class_prompts, what_is_said
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Asked, Candidates, Embedding, Precision, Prompt
from lit_samseg.sam.known_weights import resolve_checkpoint
from lit_samseg.sam.official.architecture import MULTIMASK_OUTPUTS
from lit_samseg.sam.official.checkpoint import load_sam
from lit_samseg.sam.official.encoder import EncoderBackend, check_backend, compile_encoder, prepare_encoder
from lit_samseg.sam.official.mask_decoder import ImageTokens, decode_masks, image_tokens, pixel_features
from lit_samseg.sam.official.openvino_encoder import OpenVinoEncoder
from lit_samseg.sam.official.prompt_encoder import mask_tokens, mixed_tokens, prompt_tokens
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.precision import autocast, cast_weights, check_precision
from lit_samseg.sam.prompt_tensors import MixedPrompts, PromptTensors
from lit_samseg.sam.trainable import TrainableSegmenter


class SegmentAnything(TrainableSegmenter):
    """A frozen SAM from a published checkpoint, recognised by its tensors.

    Args:
        checkpoint: Path of ``sam_vit_{b,l,h}_*.pth`` or of ``mobile_sam.pt``; or a name (``vit_b``, ``vit_l``,
            ``vit_h``, ``mobile_sam``), downloaded once; or ``demo`` for the built-in tiny SAM.
        precision: ``fp32``, ``bf16`` or ``fp16`` arithmetic in encoder and decoder (the decoder's weights stay fp32).
            Logits, scores and everything after them are fp32.
        compile: Let ``torch.compile`` translate the image encoder at its first call, which takes a minute or more and a
            C++ compiler. Embeddings differ by rounding.
        adapter: ``adapter.safetensors`` of ``lit-samseg fit``, which takes the place of some weights or, if it is
            LoRA's, is added to them.
        encoder: What computes the image encoder: ``torch``; or ``openvino``, on a processor and in fp32 alone, faster
            there (docs/export.md). Embeddings differ by rounding.
        unknown_classes: Ask an adapter that knows classes as if each were unknown to it, on data of other classes.

    Raises:
        InputError: The checkpoint cannot be read or is not a SAM, the adapter belongs to another one, there is no
            compiler to ``compile`` with, or no OpenVINO, or it is asked for what it does not do.
    """

    image_pe: Tensor

    has_pixel_features = True
    takes_resized = True
    encoder_name: ClassVar[str] = "image_encoder"

    def __init__(
        self,
        checkpoint: str,
        precision: Precision = "fp32",
        compile: bool = False,
        adapter: str | None = None,
        encoder: EncoderBackend = "torch",
        unknown_classes: bool = False,
    ) -> None:
        super().__init__()
        check_precision(precision)
        check_backend(encoder, precision, compile)
        path = resolve_checkpoint(checkpoint)
        self.name, self.model = load_sam(path)
        self.sha256 = sha256_of_file(path)
        # First: what follows computes with the weights, or rounds them.
        self._take_adapter(adapter)
        if unknown_classes and self.class_names is not None:
            self.class_names, self.second_look = (), None
        self.model.image_encoder = prepare_encoder(self.model.image_encoder)
        cast_weights(self.model.image_encoder, precision)
        if compile:
            compile_encoder(self.model.image_encoder)
        self.compiled, self.encoder = compile, encoder
        self.translated_by = "compile" if compile else "encoder openvino" if encoder == "openvino" else None
        if encoder == "openvino":
            weights = "+".join([self.sha256, *self.adapted.values()])
            self.model.image_encoder = OpenVinoEncoder(self.model.image_encoder, weights)
        # The same for all images; a buffer, so that it follows the model to its device.
        image_pe = self.model.prompt_encoder.get_dense_pe()[0].flatten(1).T.contiguous()
        self.register_buffer("image_pe", image_pe, persistent=False)
        freeze(self)
        self.checkpoint = checkpoint
        self.precision = precision
        self._last: tuple[Tensor, list[int], tuple[Tensor, ImageTokens]] | None = None
        self.images_fitting, self.prompts_fitting = Halving(self.name, "images"), Halving(self.name, "prompts")

    def know_classes(self, names: Sequence[str], second_look: float | None = None) -> None:
        """Have prompts say of which of these classes they are, and what is believed of classes."""
        token, looks = self.model.prompt_encoder.no_mask_embed.weight, 1 if second_look is None else 2
        self.model.class_prompts = make_class_prompts(names, token, looks)
        self.class_names, self.second_look = tuple(names), second_look

    @property
    def identity(self) -> str | None:
        """Weights, a fine-tuning of the encoder's, architecture, and what computes the encoder."""
        other = {} if self.encoder == "torch" else {"encoder": [self.encoder, version(self.encoder)]}
        settings = {"architecture": self.name, "compiled": self.compiled, **other, **self.adapted}
        return identity_of(self, SegmentAnything, weights=self.sha256, **settings)

    def frame(self, image: Tensor) -> Frame:
        """Return the frame of an image ``[3, H, W]``."""
        height, width = image.shape[-2:]
        prompt_encoder = self.model.prompt_encoder
        return Frame(height, width, self.model.image_encoder.img_size, prompt_encoder.mask_input_size[0])

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
        return self._encode_chunk(images)

    def _encode_chunk(self, images: Sequence[Tensor]) -> list[Embedding]:
        frames = [self.frame(image) for image in images]
        # Normalise in the 0-255 scale first, pad with zeros after: the order SAM was trained with.
        squares = [
            frame.pad((frame.resize_image(image) - self.model.pixel_mean) / self.model.pixel_std)
            for frame, image in zip(frames, images, strict=True)
        ]
        with autocast(images[0].device, self.precision):
            features = self.model.image_encoder(torch.stack(squares))
        features = features.float().contiguous()  # from the layout of the convolutions
        return [Embedding(*pair) for pair in zip(features, frames, strict=True)]

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        """Decode prompts of one image: on a CPU one by one, on a GPU together.

        On a GPU the last bits of an answer may depend on what else is asked; on a CPU they do not.

        Raises:
            InputError: The memory does not hold the work on a single prompt.
        """
        return self._decode([(embedding, prompts)], _wanted(multimask))[0]

    @torch.inference_mode()
    def decode_images(self, asked: Asked, multimask: bool = True) -> list[Candidates]:
        """Decode prompts of several images, on a GPU together; see `decode`."""
        if type(self).decode is not SegmentAnything.decode:  # who changes the one has changed the other
            return super().decode_images(asked, multimask)
        return self._decode(asked, _wanted(multimask))

    def answer(self, embedding: Embedding, prompts: Sequence[Prompt]) -> Candidates:
        """Decode like `decode`, with gradients, to the single mask and the three candidates: ``M`` is 4."""
        return self._decode([(embedding, prompts)], slice(0, None))[0]

    def _decode(self, asked: Asked, wanted: slice) -> list[Candidates]:
        count = len(range(MULTIMASK_OUTPUTS + 1)[wanted])
        if asked and asked[0][0].features.device.type != "cpu":
            decode_mixed = partial(self._decode_mixed, [embedding for embedding, _ in asked], wanted)
            return decode_mixed_together(asked, count, self.prompts_fitting, decode_mixed, known_by(self.classes))
        return [self._decode_image(embedding, prompts, wanted, count) for embedding, prompts in asked]

    def _decode_image(self, embedding: Embedding, prompts: Sequence[Prompt], wanted: slice, count: int) -> Candidates:
        keys, shared = self._image_tokens(embedding)
        decode_alike = partial(self._decode_alike, keys, shared, embedding.frame.low_res_used, wanted)
        return decode_alike_together(
            embedding, prompts, count, self.prompts_fitting, decode_alike, known_by(self.classes)
        )

    def _image_tokens(self, embedding: Embedding) -> tuple[Tensor, ImageTokens]:
        """Return an image's keys, and what prompts without a mask see of it.

        Those of the last image are kept, since an analysis asks about it twice.
        """
        decoder, encoder = self.model.mask_decoder, self.model.prompt_encoder
        weights = [encoder.no_mask_embed.weight, *decoder.transformer.layers[0].parameters()]
        # What has gradients cannot be kept, and nothing can of weights whose changes leave no trace.
        keeps = torch.is_inference_mode_enabled() and not any(weight.is_inference() for weight in weights)
        state, last = [weight._version for weight in weights] if keeps else [], self._last
        if last is not None and last[0] is embedding.features and last[1] == state:
            return last[2]
        keys = embedding.features.flatten(1).T.contiguous()[None]
        with autocast(keys.device, self.precision):
            tokens = image_tokens(decoder, keys + encoder.no_mask_embed.weight, self.image_pe, shared=True)
        self._last = (embedding.features, state, (keys, tokens)) if keeps else None
        return keys, tokens

    @torch.inference_mode()
    def pixel_features(self, embedding: Embedding) -> Tensor:
        """Return the decoder's up-scaled features after it saw a box around the whole image, float32 ``[D, h, w]``."""
        keys = embedding.features.flatten(1).T.contiguous()[None]
        height, width = embedding.frame.resized
        (box,) = upload([torch.tensor([[0.0, 0.0, width - 1, height - 1]])], keys.device)
        with autocast(keys.device, self.precision):
            encoder = self.model.prompt_encoder
            without_mask = keys + encoder.no_mask_embed.weight
            image = image_tokens(self.model.mask_decoder, without_mask, self.image_pe, shared=True)
            tokens = prompt_tokens(encoder, 1, None, box)
            grid = encoder.image_embedding_size
            features = pixel_features(self.model.mask_decoder, image, tokens, grid, embedding.frame.low_res_used)
        return features.float()

    def _decode_mixed(
        self, embeddings: Sequence[Embedding], wanted: slice, prompts: MixedPrompts
    ) -> tuple[Tensor, Tensor]:
        encoder, decoder = self.model.prompt_encoder, self.model.mask_decoder
        rows, columns = zip(*(embedding.frame.low_res_used for embedding in embeddings), strict=True)
        with autocast(prompts.kinds.device, self.precision):
            tokens = mixed_tokens(encoder, prompts.places, prompts.kinds)
            keys = self._mixed_keys(embeddings, prompts)
            added, named, judged = what_is_said(self.classes, prompts.questions)
            keys = keys if added is None else keys + added
            image = image_tokens(decoder, keys, self.image_pe, shared=len(keys) == 1)
            return decode_masks(
                *(decoder, image, tokens, encoder.image_embedding_size, (max(rows), max(columns)), wanted),
                *(prompts.kinds < 0 if prompts.filled else None, named, judged),
            )

    def _mixed_keys(self, embeddings: Sequence[Embedding], prompts: MixedPrompts) -> Tensor:
        """Return the image's tokens with the mask prompts', for each prompt, or once if all see the same."""
        keys = torch.stack([embedding.features.flatten(1).T for embedding in embeddings])
        if prompts.images is not None:
            keys = keys.index_select(0, prompts.images)
        none: Tensor = self.model.prompt_encoder.no_mask_embed.weight
        if prompts.masks is None:
            return keys + none
        masks = mask_tokens(self.model.prompt_encoder, prompts.masks)
        return keys + torch.cat([none.expand(len(prompts) - len(masks), *masks.shape[1:]), masks])

    def _decode_alike(
        self, keys: Tensor, shared: ImageTokens, used: tuple[int, int], wanted: slice, prompts: PromptTensors
    ) -> tuple[Tensor, Tensor]:
        encoder, decoder = self.model.prompt_encoder, self.model.mask_decoder
        with autocast(keys.device, self.precision):
            tokens = prompt_tokens(encoder, prompts.count, prompts.points, prompts.boxes, prompts.negative)
            image = shared
            added, named, judged = what_is_said(self.classes, prompts.questions)
            if prompts.masks is not None or added is not None:
                masks = encoder.no_mask_embed.weight if prompts.masks is None else mask_tokens(encoder, prompts.masks)
                own = keys + (masks if added is None else masks + added)
                image = image_tokens(decoder, own, self.image_pe, shared=False)
            return decode_masks(decoder, image, tokens, encoder.image_embedding_size, used, wanted, None, named, judged)


def _wanted(multimask: bool) -> slice:
    """Return which mask tokens are asked for: as in SAM, the first is the single mask's, the others are candidates."""
    return slice(1, None) if multimask else slice(0, 1)
