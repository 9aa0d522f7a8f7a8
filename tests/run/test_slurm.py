"""The experiment on a SLURM cluster: submitted jobs, requested resources, failed jobs."""

import collections
import re
import shutil
import signal
import subprocess
import time

import pandas as pd
import pytest
import yaml

import slurm_cluster
from codecfake.audio import io as audio
from codecfake.util.files import REPOSITORY
from snakemake_project import Project

PROFILE = yaml.safe_load((REPOSITORY / "workflow/profiles/slurm/config.yaml").read_text())
#: Options of the profile, with its --cores. The status command is for a cluster without accounting and short jobs.
ON_SLURM = ("--workflow-profile", "workflow/profiles/slurm", "--cores", str(PROFILE["cores"]))
ON_SLURM += ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2")
#: The group of the final rules.
END = "end_audit_matrix_quality_table_report_samples"
#: Timeout of a run in seconds; runs take minutes.
PATIENCE = 1800
WITH_GPU = {"resynthesise_shard", "train", "score_protocol"}

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


@pytest.fixture(scope="module")
def project(tmp_path_factory, speech):
    with slurm_cluster.running(tmp_path_factory.mktemp("slurm")):
        folder = tmp_path_factory.mktemp("project")
        for number in range(20):
            path = folder / "corpus" / f"s{number % 4}" / f"{number}.wav"
            audio.write(path, speech(0.6, 16000, number), 16000)
        corpus = {"name": "folder", "path": str(folder / "corpus"), "splits": {"dev": ["s2"], "eval": ["s3"]}}
        made = Project(folder, corpus, ["encodec_mini"])
        made.config |= {"device": "auto", "shards": 1}
        made.pretend_gpus()
        yield made


@pytest.fixture(scope="module")
def run(project):
    """The jobs of a complete run, in which one running job was cancelled and one requeued."""
    process = project.start(*ON_SLURM)
    try:
        slurm_cluster.said("scancel", wait_for_running_job("resynthesise_shard", process)["JobId"])
        slurm_cluster.requeue(wait_for_running_job("train", process)["JobId"])
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, said
    return slurm_cluster.jobs()


def wait_for_running_job(rule: str, process: subprocess.Popen) -> dict[str, str]:
    """Wait for a running job of a rule and return it."""

    def running() -> list[dict[str, str]]:
        found = [job for job in slurm_cluster.jobs() if rule_of(job) == rule and job["JobState"] == "RUNNING"]
        assert found or process.poll() is None, process.stdout.read()
        return found

    return slurm_cluster.wait_until(running, PATIENCE)[0]


def rule_of(job: dict[str, str]) -> str:
    """Return the rule of a job, or its group with the group's rules."""
    return re.fullmatch(r"rule_(.+?)(_wildcards_.*)?", job["Comment"])[1]


def asked(job: dict[str, str]) -> tuple:
    """Return the (partition, CPUs, MB, minutes) that a job requested."""
    minutes = pd.Timedelta(job["TimeLimit"].replace("-", " days ")) // pd.Timedelta(minutes=1)
    return job["Partition"], int(job["NumCPUs"]), int(job["MinMemoryNode"].removesuffix("M")), minutes


def newest_log(project: Project) -> str:
    """Return the log of the most recently started Snakemake."""
    logs = (project.folder / ".snakemake/log").iterdir()
    return max(logs, key=lambda path: path.stat().st_mtime_ns).read_text()


def test_run_produces_matrix_and_report(run, project):
    results = project.folder / "results/small"
    assert list(pd.read_csv(results / "clean/split/eer_matrix.tsv", sep="\t")["trained_on"]) == [
        "encodec_mini",
        "pooled",
    ]
    assert (results / "report/split/report.html").is_file()


def test_all_but_the_smallest_jobs_are_submitted(run):
    jobs = collections.Counter(rule_of(job) for job in run if job["JobState"] == "COMPLETED")
    expected = {"corpus": 1, "shards_source_shard": 1, "resynthesise_shard": 2, "protocol": 2, "waveforms": 2}
    assert jobs == {**expected, "train": 2, "score_protocol": 2, "cues": 2, "quality": 2, END: 1}


def test_jobs_request_the_resources_of_the_profile(run):
    first = {rule_of(job): asked(job) for job in reversed(run)}
    assert first == {
        "corpus": ("cpu", 4, 4000, 12 * 60),
        "shards_source_shard": ("cpu", 1, 3000, 20),
        "resynthesise_shard": ("gpu", 1, 8000, 4 * 60),
        "protocol": ("cpu", 1, 3000, 20),
        "waveforms": ("cpu", 1, 8000, 12 * 60),
        "train": ("gpu", 4, 16000, 24 * 60),
        "score_protocol": ("gpu", 4, 12000, 4 * 60),
        "cues": ("cpu", 1, 8000, 12 * 60),
        "quality": ("cpu", 1, 8000, 12 * 60),
        END: ("cpu", 3, 19000, 140),
    }


def test_only_gpu_rules_request_and_get_a_gpu(run, project):
    assert {rule_of(job) for job in run if job.get("TresPerJob") == "gres:gpu:1"} == WITH_GPU
    assert not any("TresPerJob" in job for job in run if rule_of(job) not in WITH_GPU)
    for log in (project.folder / "results/small").rglob("logs/*/*.log"):
        assert bool(re.search(r"^GPU [01]$", log.read_text(), re.MULTILINE)) == (log.parent.name in WITH_GPU), log


def test_cancelled_job_is_retried_with_double_memory_and_time(run):
    cancelled = next(job for job in run if job["JobState"] == "CANCELLED")
    again = [job for job in run if job["Comment"] == cancelled["Comment"]][1]
    assert again["JobState"] == "COMPLETED"
    assert asked(cancelled) == ("gpu", 1, 8000, 4 * 60)
    assert asked(again) == ("gpu", 1, 16000, 8 * 60)


def test_a_requeued_job_restarts_and_completes(run):
    given_way = [job for job in run if job["Restarts"] == "1"]
    assert [(rule_of(job), job["JobState"]) for job in given_way] == [("train", "COMPLETED")]


def test_second_run_has_nothing_to_do(run, project):
    result = project.snakemake(*ON_SLURM)
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout


def test_short_jobs_are_grouped_within_the_cpu_limit_and_cancelled_on_interrupt(run, project):
    wide = {"run": "wide", "shards": 20}
    assert project.snakemake("results/wide/corpus/utterances.tsv", **wide).returncode == 0
    process = project.start(*ON_SLURM, "--until", "source_shard", **wide)
    try:
        slurm_cluster.wait_until(lambda: newest_log(project).count("has been submitted with SLURM jobid") == 2)
        time.sleep(1)  # Snakemake registers the jobs only after logging their submission
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    groups = slurm_cluster.jobs()[len(run) :]
    assert sorted(asked(group) for group in groups) == [("cpu", 4, 12000, 20), ("cpu", 4, 12000, 80)]
    assert {group["JobState"] for group in groups} == {"CANCELLED"}


def test_error_of_a_failed_job_is_printed_and_other_results_are_kept(run, project):
    results = project.folder / "results/small"
    before = {
        path: path.read_bytes()
        for path in (results / "clean/split/eer_matrix.tsv", *results.glob("clean/resynthesised/*/*"))
    }
    checkpoints = project.folder / "checkpoints"
    checkpoints.unlink()
    shutil.copytree(REPOSITORY / "checkpoints", checkpoints)
    weights = checkpoints / "dac_mini/weights.pth"
    weights.write_bytes(weights.read_bytes()[:1000])
    result = project.snakemake(*ON_SLURM, "--retries", "0", codecs=["encodec_mini", "dac_mini"], device="cpu")
    assert result.returncode == 1
    assert f"codecfake resynthesise-shard: error: {weights}: 1000 bytes; " in result.stdout
    assert {path: path.read_bytes() for path in before} == before
    failed = slurm_cluster.jobs()[-1]
    assert (rule_of(failed), failed["JobState"]) == ("resynthesise_shard", "FAILED")
    assert "TresPerJob" not in failed  # device: cpu
