"""Regions of a label map become prompts; SAM's candidates are chosen from and merged into a new label map."""

from lit_samseg.refine.merging import Canvas, merge
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.refiner import Decision, refine
from lit_samseg.refine.regions import Region, find_regions
from lit_samseg.refine.selection import select
from lit_samseg.refine.variant import PAPER_VARIANTS, Variant, parse_variants

__all__ = [
    "PAPER_VARIANTS",
    "Canvas",
    "Decision",
    "Region",
    "Variant",
    "build_prompt",
    "find_regions",
    "merge",
    "parse_variants",
    "refine",
    "select",
]
