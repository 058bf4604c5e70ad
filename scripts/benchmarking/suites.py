"""Which configurations a suite times."""

import argparse
from collections.abc import Callable
from pathlib import Path

from .job import Job

ROWS = {
    "plain": "plain loop",
    "fp32": "ours fp32",
    "bf16": "ours bf16",
    "fp32-cache": "ours fp32, warm cache",
    "bf16-cache": "ours bf16, warm cache",
}
"""A configuration's word on the command line, and its name in tables."""

# Written out, since importing the package's own would load torch. The plain loop can do all of them.
PAPER_VARIANTS = ("point", "points", "box", "points+box", "points+box+mask")
VARIANTS = (
    *PAPER_VARIANTS,
    *("box@component", "points+box@component", "points+box+mask@component", "mask", "box+mask", "box@class/score"),
)
# Timed images and images before the clock starts.
DEFAULT_IMAGES = {
    "main": (20, 2),
    "variants": (10, 2),
    "regions": (5, 1),
    "sizes": (2, 1),
    "classes": (5, 1),
    "encoder": (5, 1),
    "boundary": (40, 1),
    "words": (20, 2),
}
GPU_IMAGES = {
    "main": (200, 16),
    "variants": (64, 16),
    "regions": (32, 8),
    "sizes": (16, 8),
    "classes": (32, 8),
    "encoder": (20, 5),
    "boundary": (40, 1),
    "words": (64, 8),
}
"""The same on a GPU, which is faster."""
GPU_BATCH = 8
MANY_CLASSES = 150
ROW = "point+box+margin@component/fuse/vote/samcrf"
WORDED_ROW = ROW.replace("/fuse", "/text/fuse")
PHRASES = (1, 20, 150)
BOUNDARY_BUDGET_MS = 30
RANDOM_SAMS = {"vit_b": "random_vit_b.pth", "vit_h": "random_vit_h.pth"}
"""Files of random weights; whoever runs the jobs writes them. A CPU would need half a minute for ViT-H."""


def jobs_of(suite: str, options: argparse.Namespace, scratch: Path) -> list[Job]:
    """Return a suite's configurations, those that are compared with each other side by side.

    Args:
        suite: A key of ``DEFAULT_IMAGES``.
        options: The command line's.
        scratch: Folder for caches and weights.
    """
    gpu = options.device == "cuda"
    images, warmup = (GPU_IMAGES if gpu else DEFAULT_IMAGES)[suite]
    batch = options.batch or (GPU_BATCH if gpu else 1)
    warmup = options.warmup or warmup
    start = Job(
        kind="",
        suite=suite,
        images=options.images or images,
        # Of whole batches, but for what counts passes.
        warmup=warmup if suite in ("encoder", "boundary") else -(-warmup // batch) * batch,
        device=options.device,
        batch=batch,
        root=options.root,
        baseline=options.baseline,
        sam=options.sam,
        variants=PAPER_VARIANTS,
    )
    return _SUITES[suite](start, options, scratch)


def _main(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    return _rows(start, options.rows or list(ROWS), scratch)


def _variants(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    jobs = []
    for count in (1, 3, 6, 12):
        case = start.replace(case=f"{count} rows", variants=VARIANTS[: count - 1])
        jobs += _rows(case, options.rows or ["plain", "fp32"], scratch)
    return jobs


def _regions(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    return _on_blobs(start, options, scratch, {f"{n} regions": (375, 500, n, MANY_CLASSES) for n in (1, 5, 20, 60)})


def _sizes(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    cases = {
        f"{height} x {width}, {count} regions": (height, width, count, MANY_CLASSES)
        for height, width in ((375, 500), (683, 1024), (2000, 3000))
        for count in (20, 60)
    }
    return _on_blobs(start, options, scratch, cases)


def _classes(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    return _on_blobs(start, options, scratch, {f"{n} classes": (375, 500, 20, n) for n in (21, MANY_CLASSES)})


def _on_blobs(
    start: Job, options: argparse.Namespace, scratch: Path, cases: dict[str, tuple[int, int, int, int]]
) -> list[Job]:
    jobs = []
    for case, blobs in cases.items():
        jobs += _rows(start.replace(case=case, blobs=blobs), options.rows or ["fp32"], scratch)
    return jobs


def _rows(start: Job, words: list[str], scratch: Path) -> list[Job]:
    jobs = []
    for word in (word for word in ROWS if word in words):
        precision, _, cache = word.partition("-")
        job = start.replace(row=ROWS[word])
        if word == "plain":
            jobs.append(job.replace(kind="plain"))
        else:
            folder = str(scratch / f"cache {start.suite} {start.case} {precision}") if cache else None
            jobs.append(job.replace(kind="ours", precision=precision, cache_dir=folder))
    return jobs


def _encoder(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    """Time the image encoder alone: the SAM that was given, and a ViT-B and on a GPU a ViT-H of random weights."""
    jobs = []
    words = options.rows or list(ROWS)
    random = [name for name in RANDOM_SAMS if name != "vit_h" or start.device == "cuda"]
    sams = {f"{name} of random weights": str(scratch / RANDOM_SAMS[name]) for name in random}
    for case, sam in ({Path(start.sam).stem: start.sam} | sams).items():
        model = start.replace(kind="encoder", case=case, sam=sam)
        if "plain" in words:
            jobs.append(model.replace(kind="official encoder", row="official fp32"))
        for precision in (word for word in ("fp32", "bf16") if word in words):
            ours = model.replace(row=f"ours {precision}", precision=precision)
            jobs.append(ours)
            if options.compile:
                jobs.append(ours.replace(row=f"{ours.row}, compiled", compile=True))
    return jobs


def _boundary(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    return [
        start.replace(kind="boundary", row="boundary counts", case=f"{classes} classes", blobs=(375, 500, 20, classes))
        for classes in (21, MANY_CLASSES)
    ]


def _words(start: Job, options: argparse.Namespace, scratch: Path) -> list[Job]:
    """Time a row without words and with them, and a text-prompted segmenter alone."""
    ours = start.replace(kind="ours", row="ours")
    asking = start.replace(kind="words", row="asking", concepts=options.concepts, blobs=(375, 500, 20, MANY_CLASSES))
    return [
        ours.replace(case="without words", variants=(ROW,)),
        ours.replace(case="with words", variants=(WORDED_ROW,), concepts=options.concepts),
        *(asking.replace(case=f"{n} phrases at once", phrases=n, variants=()) for n in PHRASES),
    ]


_SUITES: dict[str, Callable[[Job, argparse.Namespace, Path], list[Job]]] = {
    "main": _main,
    "variants": _variants,
    "regions": _regions,
    "sizes": _sizes,
    "classes": _classes,
    "encoder": _encoder,
    "boundary": _boundary,
    "words": _words,
}
