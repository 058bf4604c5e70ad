r"""Time lit_samseg against a plain loop over the official code.

Every configuration runs in a process of its own; figures are medians over the repeats, which alternate between the
configurations. Without options: the built-in scenes and networks. Run it alone: other programs on the machine make
every figure larger.

  python scripts/benchmark.py
  python scripts/benchmark.py --root DIR_WITH_VOCDEVKIT --baseline FOLDER_OR_ID --sam FILE --suite main variants \
      --output DIR --plot benchmark.svg
  python scripts/benchmark.py --suite --output DIR --plot benchmark.svg      draws again, times nothing
  python scripts/benchmark.py --device cuda --root DIR_WITH_VOCDEVKIT        all suites, the figure, gpu.json, gpu.md
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarking.gpu_record import write_gpu_record
from benchmarking.job import Job
from benchmarking.plot import NO_MATPLOTLIB, draw, has_matplotlib
from benchmarking.process import WorkerError, run_job
from benchmarking.suites import DEFAULT_IMAGES, GPU_BATCH, RANDOM_SAMS, ROWS, jobs_of
from benchmarking.summary import Measured, Record, reference_of, summarise, write_csv
from benchmarking.table import tables_of
from benchmarking.targets import targets_of

from lit_samseg.results.text_table import TextTable


def main() -> None:
    """Parse the options and run the suites; in a worker, run one job."""
    if sys.argv[1:2] == ["--worker"]:
        from benchmarking.worker import run_worker

        run_worker(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    options = parse_options()
    # A polite end is an end of the workers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.suite:
            run_suites(options)
        if options.plot is not None and (options.output / "main.csv").is_file():
            draw(options.output, options.plot)
            print(f"Drawn: {options.plot}")
        elif options.plot is not None:
            print(f"Nothing drawn: {options.output} has no main.csv")
    except KeyboardInterrupt:
        print("benchmark.py: interrupted", file=sys.stderr)
        sys.exit(130)
    except WorkerError as error:
        sys.exit(f"benchmark.py: {error}")


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, positive = parser.add_argument, _positive
    add("--suite", nargs="*", choices=DEFAULT_IMAGES, metavar="SUITE", help=", ".join(DEFAULT_IMAGES))
    add("--rows", nargs="+", choices=ROWS, metavar="ROW", help=f"only these of each suite: {', '.join(ROWS)}")
    add("--repeats", type=positive, default=3, help="runs of each configuration (default: 3)")
    usual = ", ".join(f"{suite} {images}+{warmup}" for suite, (images, warmup) in DEFAULT_IMAGES.items())
    add("--images", type=positive, help=f"timed images (default, images+warm-up: {usual})")
    add("--warmup", type=positive, help="images before the clock starts")
    add("--root", type=_path, help="folder that holds VOCdevkit (default: the built-in scenes)")
    add("--baseline", type=_checkpoint, help="folder or hub id of a DeepLabV3-MobileNetV2")
    add("--sam", type=_checkpoint, help="file or name of a segment-anything checkpoint")
    add("--concepts", type=_checkpoint, default="demo", help="suite words: a text-prompted checkpoint (default: demo)")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--batch", type=positive, help=f"images that are computed together (default: 1, on a GPU {GPU_BATCH})")
    add("--compile", action="store_true", help="suite encoder: also with torch.compile")
    add("--output", type=Path, help="folder for CSVs and machine.json (default: logs/benchmark/<UTC time>)")
    add("--plot", type=Path, metavar="FILE.svg", help="draw main.csv and variants.csv of the output folder")
    add("--markdown", action="store_true", help="print the tables as Markdown too")
    options = parser.parse_args()
    gpu = options.device == "cuda"
    if options.suite is None:
        options.suite = list(DEFAULT_IMAGES) if gpu else ["main"]
    if not options.suite and (options.plot is None or options.output is None):
        parser.error("--suite without a name draws only; give --output and --plot too")
    if options.plot is not None and not has_matplotlib():
        parser.error(NO_MATPLOTLIB)
    options.output = options.output or Path("logs/benchmark") / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    if gpu and options.plot is None and has_matplotlib():
        options.plot = options.output / "benchmark.svg"
    options.baseline = options.baseline or ("google/deeplabv3_mobilenet_v2_1.0_513" if options.root else "demo")
    published = "vit_b" if gpu else "mobile_sam"
    options.sam = options.sam or (published if options.root else "demo")
    return options


def run_suites(options: argparse.Namespace) -> None:
    """Run, print and write every suite that was asked for."""
    machine = run_job(Job("machine"))
    if options.device == "cuda" and machine["cuda"] is None:
        sys.exit("benchmark.py: there is no CUDA device here; leave --device cuda out, which times this machine's CPU")
    options.output.mkdir(parents=True, exist_ok=True)
    facts = machine | {"device": options.device, "words": sys.argv[1:]}
    (options.output / "machine.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    records: dict[str, list[Record]] = {}
    tables: list[TextTable] = []
    for suite in dict.fromkeys(options.suite):
        with tempfile.TemporaryDirectory(prefix="benchmark_") as scratch:
            jobs = prepare(jobs_of(suite, options, Path(scratch)), machine)
            if not jobs:
                print(f"{suite}: nothing to time")
                continue
            measured = measure(jobs, options.repeats, Path(scratch))
            if suite == "main" and options.device == "cuda":
                profile(measured)
            records[suite] = summarise(measured, machine["cuda"] if options.device == "cuda" else None)
        write_csv(records[suite], options.output / f"{suite}.csv")
        of_suite = tables_of(suite, jobs[0], records[suite], machine)
        for table in of_suite:
            table.print()
        if options.markdown:
            print("\n".join(table.markdown() for table in of_suite))
        tables += of_suite
        if options.device == "cuda":
            # After every suite: who stops early has what was measured.
            write_gpu_record(options.output, facts, records, tables, options.sam)
    if options.device == "cuda":
        for target in targets_of(records, options.sam):
            print(target.sentence())
    print(f"Written to {options.output}")


def prepare(jobs: list[Job], machine: dict[str, Any]) -> list[Job]:
    """Fill caches and write weights, untimed; leave out what cannot run here, and say why."""
    possible = []
    for job in jobs:
        reason = None
        if job.precision == "bf16" and not machine["cuda_bf16" if job.device == "cuda" else "cpu_bf16"]:
            reason = "no bf16 instructions here"
        elif job.cache_dir is not None:
            _say(f"{job.suite}: {job.title}: filling the cache")
            reason = run_job(job).get("skipped")
        elif Path(job.sam).name in RANDOM_SAMS.values() and not Path(job.sam).exists():
            run_job(Job("random sam", output=job.sam))
        if reason is None:
            possible.append(job)
        else:
            print(f"{job.suite}: {job.title} left out: {reason}")
    return possible


def measure(jobs: list[Job], repeats: int, scratch: Path) -> list[Measured]:
    """Run all configurations, then all again: what else the machine does hits them alike."""
    measured = [Measured(job, [], []) for job in jobs]
    for repeat in range(repeats):
        for number, (job, results, outputs) in enumerate(measured):
            if reference_of(job, jobs) is not None:
                outputs.append(scratch / f"output {number} {repeat}.npz")
            result = run_job(job.replace(output=str(outputs[-1]) if outputs else None))
            results.append(result)
            _say(f"{job.suite} {repeat + 1}/{repeats}: {job.title}: {result['seconds']:#.3g} s")
    return measured


def profile(measured: list[Measured]) -> None:
    """Find out for how long the GPU works, in runs of their own."""
    for job, results, _ in measured:
        if job.kind == "ours":
            results[0]["busy"] = run_job(job.replace(profile=True))["busy"]
            _say(f"{job.suite}: {job.title}: the GPU works for {results[0]['busy']:#.3g} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _path(text: str) -> str:
    return str(Path(text).expanduser())


def _checkpoint(text: str) -> str:
    # A name or hub id stays as it is.
    return str(Path(text).expanduser()) if text.startswith("~") else text


if __name__ == "__main__":
    main()
