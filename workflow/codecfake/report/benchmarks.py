"""Resources used by jobs: time and memory from Snakemake's `benchmark:`, GPU use from a file that a job writes."""

from pathlib import Path

import pandas as pd

from codecfake.util.files import read_json

#: Columns of `by_rule`.
COLUMNS = ["rule", "jobs", "seconds", "longest", "CPU load", "peak MB", "GPU", "peak GPU MB"]


def by_rule(benchmarks: list[Path]) -> pd.DataFrame:
    """Summarise the jobs of each rule: number, total and longest time (s), CPU load (%), peak memory (MB), GPUs.

    Args:
        benchmarks: folders of RULE/JOB.tsv, written by Snakemake, and RULE/JOB.gpu.json, by `device.write_gpu_use`.
    """
    jobs = [_job(path) for folder in benchmarks for path in sorted(folder.glob("*/*.tsv"))]
    rows = []
    for rule, group in pd.DataFrame(jobs, columns=["rule", "s", "cpu", "rss", "gpu", "gpu_mb"]).groupby("rule"):
        measured = group.dropna(subset="cpu")  # Snakemake measures no CPU use of a job that ends at once
        seconds = measured["s"].sum()
        load = 100 * measured["cpu"].sum() / seconds if seconds else None
        gpus = ", ".join(sorted(set(group["gpu"].dropna())))
        peaks = (group["rss"].max(), gpus, group["gpu_mb"].max())
        rows.append((rule, len(group), round(group["s"].sum(), 1), round(group["s"].max(), 1), load, *peaks))
    table = pd.DataFrame(rows, columns=COLUMNS)
    for name in ("CPU load", "peak MB", "peak GPU MB"):
        table[name] = ["" if pd.isna(value) else f"{value:.0f}" for value in table[name]]
    return table


def _job(path: Path) -> dict:
    measured = pd.to_numeric(pd.read_csv(path, sep="\t").iloc[-1], errors="coerce")
    job = {"rule": path.parent.name, "s": measured["s"], "cpu": measured["cpu_time"], "rss": measured["max_rss"]}
    beside = path.with_suffix(".gpu.json")
    if beside.is_file():
        use = read_json(beside)
        job |= {"gpu": use["gpu"], "gpu_mb": use["peak_mb"]}
    return job
