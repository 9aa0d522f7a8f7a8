"""Resource usage of jobs, from Snakemake's benchmark files and the GPU files next to them."""

import pytest
import torch

from codecfake.report import benchmarks
from codecfake.runtime.device import write_gpu_use

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"


@pytest.fixture
def job(tmp_path):
    """job("RULE/NAME", "s\trss\tcpu", ...): write the benchmark file of a job with one line per measurement."""

    def write(name: str, *measured: str) -> None:
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        rows = [line.split("\t") for line in measured]
        lines = ["\t".join([s, "0:00:01", rss, "1", "1", "1", "1", "1", "1", cpu]) for s, rss, cpu in rows]
        path.write_text("\n".join([HEAD, *lines]) + "\n")

    return write


@pytest.fixture
def cuda(monkeypatch):
    """A fake GPU on which this process used 3.2 GB."""
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: 3200 * 2**20)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Fake A100")


def test_jobs_are_summarised_by_rule(job, tmp_path):
    job("resynthesise_shard/alpha.000", "1.5\t100.4\t1.5")
    job("resynthesise_shard/alpha.001", "2.25\t300.2\t6.0")
    # a job too short to be measured, a job without measurements, and a repeated job
    job("protocol/alpha", "0.21\tNA\tNA")
    job("score/alpha", "9\t-\t0", "3\t7\t3")
    table = benchmarks.by_rule([tmp_path, tmp_path / "none"]).set_index("rule")
    assert table.loc["resynthesise_shard"].tolist() == [2, 3.8, 2.2, "200", "300", "", ""]
    assert table.loc["protocol"].tolist() == [1, 0.2, 0.2, "", "", "", ""]
    assert table.loc["score"].tolist() == [1, 3.0, 3.0, "100", "7", "", ""]


def test_table_has_gpus_and_their_peak_memory(job, tmp_path, cuda):
    job("train/alpha", "5\t10\t5")
    job("train/beta", "5\t10\t5")
    write_gpu_use(tmp_path / "train/alpha.gpu.json", "cuda")
    row = benchmarks.by_rule([tmp_path]).iloc[0]
    assert (row["jobs"], row["GPU"], row["peak GPU MB"]) == (2, "Fake A100", "3200")


def test_job_without_gpu_removes_an_earlier_gpu_file(tmp_path, cuda):
    path = tmp_path / "alpha.gpu.json"
    write_gpu_use(path, "cuda:0")
    assert path.is_file()
    write_gpu_use(path, "cpu")
    assert not path.exists()


def test_missing_benchmarks_give_an_empty_table(tmp_path):
    table = benchmarks.by_rule([tmp_path])
    assert table.columns.tolist() == benchmarks.COLUMNS
    assert table.empty
