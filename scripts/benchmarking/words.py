"""What is asked of one image by words: 1, 20, 150 phrases at once."""

import time
from typing import Any

import torch

from lit_samseg.concepts import ConceptSegmenter, Ontology
from lit_samseg.concepts.by_name import concepts_class
from lit_samseg.ontologies import shipped_phrases
from lit_samseg.refine import WordSource
from lit_samseg.refine.grid import make_grid
from lit_samseg.sam import Frame

from .blobs import draw_blobs
from .job import Job
from .memory import MemoryMeter


def load_concepts(job: Job) -> ConceptSegmenter | None:
    """Return the job's text-prompted segmenter, or None."""
    return None if job.concepts is None else concepts_class(job.concepts)(job.concepts)


def run_words(job: Job) -> dict[str, Any]:
    """Time the asking for the first phrases of ADE20K's classes, one a class; the image is encoded each time."""
    device, concepts = torch.device(job.device), load_concepts(job)
    assert job.blobs is not None, "there is a picture"
    assert concepts is not None, "somebody is asked"
    source = WordSource(concepts.to(device).eval(), _ontology(job.phrases))
    picture, labels = (torch.from_numpy(array).to(device) for array in draw_blobs(job.blobs))
    image = picture.permute(2, 0, 1).contiguous()
    # That of the published SAMs.
    frame = Frame(*labels.shape, 1024, 256)
    grid = make_grid(image, labels.long(), None, frame, 0)
    wait = torch.cuda.synchronize if device.type == "cuda" else torch.cpu.synchronize
    memory = MemoryMeter(device)
    for _ in range(job.warmup):
        source.ask(image, grid)
    wait()
    start = time.perf_counter()
    for _ in range(job.images):
        source.ask(image, grid)
    wait()
    seconds = (time.perf_counter() - start) / job.images
    return {"seconds": seconds, "seconds_per_phrase": seconds / job.phrases} | memory.megabytes()


def _ontology(count: int) -> Ontology:
    names, phrases = zip(*((name, own[:1]) for name, own in shipped_phrases("ade20k").items() if own), strict=True)
    return Ontology(names[:count], tuple(range(count)), phrases[:count], "ade20k")
