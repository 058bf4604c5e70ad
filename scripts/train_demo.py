"""Train the demo's networks on generated scenes and write the weights shipped in the package.

Reads no data but `lit_samseg.data.scene_generator`. Training uses the `train` scenes, the numbers
printed at the end come from `val` scenes; `test` scenes are not touched. The shipped weights were
made by this script with `--threads 1`, `--only baseline` (21 minutes) beside `--only sam` (31) on
two cores, and later `--only concepts`, whose last figures compare it with the shipped baseline. A
run is repeatable on one machine with one number of threads; others round differently.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from demo_training.baseline import train_baseline
from demo_training.concepts import train_concepts
from demo_training.sam import train_sam


def main() -> None:
    """Parse the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("lit_samseg/demo_weights"))
    parser.add_argument("--only", choices=("baseline", "sam", "concepts"), help="train one of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=4000, help="distinct training scenes")
    parser.add_argument("--held-out", type=int, default=200, help="scenes of the final numbers")
    parser.add_argument("--report", type=int, default=200, help="steps between progress lines")
    parser.add_argument("--baseline-steps", type=int, default=2800)
    parser.add_argument("--baseline-batch", type=int, default=8)
    parser.add_argument("--baseline-lr", type=float, default=2e-3)
    parser.add_argument("--sam-steps", type=int, default=3200)
    parser.add_argument("--sam-batch", type=int, default=6)
    parser.add_argument("--sam-lr", type=float, default=1e-3)
    parser.add_argument("--prompts", type=int, default=6, help="prompts of one image and step")
    parser.add_argument("--concept-words", type=int, default=800, help="steps with words alone, before all others")
    parser.add_argument("--concept-steps", type=int, default=2800)
    parser.add_argument("--concept-batch", type=int, default=8)
    parser.add_argument("--concept-lr", type=float, default=2e-3)
    parser.add_argument("--concept-scenes", type=int, default=6000, help="distinct training scenes of words")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for name, train in (("baseline", train_baseline), ("sam", train_sam), ("concepts", train_concepts)):
        if args.only in (None, name):
            train(args)


if __name__ == "__main__":
    main()
