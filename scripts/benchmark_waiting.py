r"""Time a test with several ways in which torch's threads wait: alone, and beside programs that are busy.

Every run is a process of its own. Ways and company alternate, so that a machine that slows down slows all. The last
table has medians of the seconds of all images, without imports and loading. Run it on a machine that is quiet.

  python scripts/benchmark_waiting.py --config configs/voc_deeplab_mobilesam.yaml --data.root DIR --data.subset 4 \
      --model.baseline.checkpoint DIR --model.sam.checkpoint FILE
  python scripts/benchmark_waiting.py --ways default passive one --busy 3 --repeats 3 --config configs/demo.yaml
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess  # nosec B404 # it is what this script is for
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS")
"""What a run must not inherit."""

FIXED = (
    "--gallery",
    "false",
    "--report",
    "false",
    "--trainer.enable_progress_bar",
    "false",
    "--model.cache_dir",
    "null",
)


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--ways",
        nargs="+",
        type=way,
        default=[way(text) for text in ("default", "passive", "spin=10000")],
        metavar="WAY",
        help="default; passive (OMP_WAIT_POLICY); spin=N (GOMP_SPINCOUNT); one (thread) (default passive spin=10000)",
    )
    parser.add_argument("--busy", type=int, default=1, metavar="N", help="busy programs beside a run (1)")
    parser.add_argument("--repeats", type=int, default=2, metavar="N", help="(2)")
    options, words = parser.parse_known_args()
    # A polite end ends what runs beside, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seconds: dict[tuple[str, int], list[float]] = {}
    for repeat in range(options.repeats):
        # There and back: what comes later has no part in the difference.
        for name, setting in options.ways[:: -1 if repeat % 2 else 1]:
            for company in (0, options.busy):
                with busy_programs(company):
                    images, wall = run(words, setting)
                seconds.setdefault((name, company), []).append(images)
                print(f"{name:>12}  beside {company}: {images:6.2f} s of images, {wall:6.1f} s in all", flush=True)
    first = options.ways[0][0]
    for company in (0, options.busy):
        print(f"\nbeside {company} busy program(s), median seconds, and against {first}:")
        for name, _ in options.ways:
            own, base = median(seconds[name, company]), median(seconds[first, company])
            print(f"{name:>12}  {own:6.2f}  {100 * (own / base - 1):+6.1f} %")


def way(text: str) -> tuple[str, dict[str, str]]:
    """Return a way's name and what it sets."""
    known = {"default": {}, "passive": {"OMP_WAIT_POLICY": "PASSIVE"}, "one": {"OMP_NUM_THREADS": "1"}}
    name, equals, value = text.partition("=")
    if name == "spin" and value.isdecimal():
        return text, {"GOMP_SPINCOUNT": value}
    if equals or name not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(known)}, spin=N")
    return text, known[name]


@contextlib.contextmanager
def busy_programs(count: int) -> Iterator[None]:
    """Have programs that never rest beside the block."""
    command = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(command) for _ in range(count)]  # nosec B603 # no shell
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def run(words: Sequence[str], setting: dict[str, str]) -> tuple[float, float]:
    """Run a test; return the seconds of its images, and of the whole process."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    if "OMP_WAIT_POLICY" not in setting and "GOMP_SPINCOUNT" not in setting:
        # A choice that torch's own OpenMP (GNU's) does not know: the package then makes none.
        environment["KMP_BLOCKTIME"] = "200"
    with tempfile.TemporaryDirectory(prefix="waiting_") as folder:
        command = [sys.executable, "-m", "lit_samseg", "test", *words, *FIXED, "--output_dir", folder]
        start = time.perf_counter()
        done = subprocess.run(  # nosec B603 # no shell
            command, env=environment | setting, capture_output=True, text=True, check=False
        )
        wall = time.perf_counter() - start
        if done.returncode != 0:
            sys.exit(f"benchmark_waiting.py: {done.stderr.strip()}")
        results = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
    return results["timing"]["total"] * len(results["dataset"]["ids"]), wall


if __name__ == "__main__":
    main()
