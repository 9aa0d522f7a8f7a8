"""Snakemake's output with `--logger stages`: a line per stage, errors and the log file, nothing else."""

import io
import logging
from types import SimpleNamespace

import pytest
from rich.console import Console
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_stages as plugin
from snakemake_project import REPOSITORY

SETTINGS = SimpleNamespace(
    quiet=[], show_failed_logs=True, stdout=False, printshellcmds=False, nocolor=True, debug_dag=False, verbose=False,
    dryrun=False,
)  # fmt: skip


class Run:
    """A handler that writes to a string."""

    def __init__(self, monkeypatch, is_terminal: bool):
        self.out = io.StringIO()
        console = Console(file=self.out, force_terminal=is_terminal, width=120, highlight=False)
        monkeypatch.setattr(plugin, "Console", lambda **_: console)
        self.handler = plugin.LogHandler(SETTINGS, None)

    def log(self, message: str = "", level: int = logging.INFO, **fields) -> None:
        record = logging.LogRecord("snakemake", level, "", 0, message, None, None)
        record.__dict__.update(fields)
        self.handler.emit(record)

    def job(self, number: int, rule: str) -> None:
        self.log(event=LogEvent.JOB_INFO, jobid=number, rule_name=rule, rule_msg=f"message of job {number}")


@pytest.fixture
def run(monkeypatch):
    run = Run(monkeypatch, is_terminal=False)
    yield run
    run.handler.close()


def test_every_rule_has_a_stage():
    text = "".join(path.read_text() for path in sorted((REPOSITORY / "workflow/rules").glob("*.smk")))
    found = plugin.stage_of_rules()
    assert len(found) == text.count("\n        message:") + text.count("\n    message:")
    assert list(dict.fromkeys(found.values())) == [
        "corpus", "resynthesise", "protocols", "train", "score", "evaluate", "audit", "report",
    ]  # fmt: skip
    assert (found["train_tracer"], found["quality"]) == ("train", "audit")


def test_finished_stages_are_lines_and_other_messages_are_not_shown(run):
    run.log("Building DAG of jobs...")
    run.log("Job stats", event=LogEvent.RUN_INFO, stats={"splits": 1, "protocol": 1, "train": 2, "all": 1, "total": 5})
    for number, rule in enumerate(("splits", "train", "protocol", "train", "all")):
        run.job(number, rule)
        run.log("Select jobs to execute...")
        run.log("", event=LogEvent.JOB_FINISHED, job_id=number)
    run.log("Complete log(s): /somewhere/it.log")
    assert run.out.getvalue().splitlines() == [
        "protocols: 2 jobs in 0 s",
        "train: 2 jobs in 0 s",
        "Complete log(s): /somewhere/it.log",
    ]


def test_failed_job_is_shown_with_its_log(run, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("codecfake: error: a [b] does not exist\n")
    run.log("Job stats", event=LogEvent.RUN_INFO, stats={"train": 1, "total": 1})
    run.job(1, "train")
    run.log(
        event=LogEvent.JOB_ERROR, level=logging.ERROR, rule_name="train", rule_msg="", jobid=1, input=[], output=[],
        log=[str(log)], conda_env=None, shellcmd="codecfake train", aux={},
    )  # fmt: skip
    said = run.out.getvalue()
    assert "Error in rule train" in said
    assert "codecfake: error: a [b] does not exist" in said


@pytest.mark.parametrize(
    ("message", "level", "fields"),
    [
        ("WorkflowError: no such config", logging.ERROR, {"event": LogEvent.ERROR}),
        ("a warning", logging.WARNING, {}),
        ("Nothing to be done (all requested files are present and up to date).", logging.INFO, {}),
    ],
)
def test_messages_that_need_attention_are_shown(run, message, level, fields):
    run.log(message, level, **fields)
    assert run.out.getvalue() == f"{message}\n"


def test_terminal_shows_progress_by_stage_and_the_running_job(monkeypatch):
    run = Run(monkeypatch, is_terminal=True)
    run.log("Job stats", event=LogEvent.RUN_INFO, stats={"train": 3, "report": 1, "total": 4})
    run.job(7, "train")
    run.handler.progress.refresh()
    said = run.out.getvalue()
    run.handler.close()
    assert "message of job 7" in said
    assert "0/3" in said
    assert "report" in said
