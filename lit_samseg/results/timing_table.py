"""Where a run's time went."""

from lit_samseg.results.contents import Results
from lit_samseg.results.run_tables import per_cent
from lit_samseg.results.text_table import TextTable


def timing_table(results: Results) -> TextTable:
    """Lay out where the time went, in seconds per image of the first process."""
    stages = {stage: seconds for stage, seconds in results["timing"].items() if stage != "total"}
    total = results["timing"].get("total", 0)
    rest = max(0.0, total - sum(stages.values()))
    cells = [
        [stage.replace("_", " "), f"{seconds:.3f}", per_cent(seconds / total if total else None)]
        for stage, seconds in (stages | {"reading, writing and the rest": rest}).items()
    ]
    cells.append(["total", f"{total:.3f}", per_cent(1.0)])
    peaks = [f"{kind} {megabytes:.0f} MB" for kind, megabytes in results["peak_memory_mb"].items()]
    notes = [f"On {results['device']}, {results['world_size']} process(es). Peak memory: {', '.join(peaks) or '-'}."]
    if len(processes := results.get("processes", ())) > 1:
        each = [f"{p['images']} in {p['seconds']:.1f} s, then {p['waited']:.1f} s waited" for p in processes]
        notes.append(f"Images of each process: {'; '.join(each)}.")
    if resumed := results.get("resumed"):
        notes.append(f"{resumed} of the images are from an interrupted run, and not in these times.")
    if text := results.get("text"):
        seconds = text["seconds_per_phrase"]
        cost = "" if seconds is None else f", {seconds:.4f} s a phrase"
        notes.append(f"Words: {text['name']} was asked {text['phrases']:.1f} phrases an image{cost}.")
    if results.get("cache"):
        notes.append("With a cache: what was found there took no network, so these are not the networks' times.")
    return TextTable("Seconds per image", ["stage", "s/image", "%"], cells, notes)
