"""Snakemake's terminal output as one progress line per stage of the workflow: `snakemake --logger stages`.

It also shows warnings, errors with the logs of the failed jobs, and the path of Snakemake's log file, which has the
complete output. A stage is a file of workflow/rules. If the output is no terminal, a line is written when a stage ends.
"""

import logging
import re
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

RULES = Path(__file__).parents[1] / "rules"
ERRORS = (LogEvent.ERROR, LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR)
#: How messages begin that are shown although they are no errors: the path of the log file, and that nothing is to do.
SHOWN = ("Complete log", "Nothing to be done")
#: The time left is estimated from all finished jobs of a stage: a job can take longer than rich's 30 s.
ESTIMATED_FROM_SECONDS = 10**9


def stage_of_rules() -> dict[str, str]:
    """Return the stage of each rule, in the order of the stages."""
    return {
        rule: path.stem.partition("_")[2]
        for path in sorted(RULES.glob("[0-9]_*.smk"))
        for rule in re.findall(r"^\s*rule (\w+):", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


class LogHandler(LogHandlerBase):
    """Receives Snakemake's log records, one at a time."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.setFormatter(DefaultFormatter(self.common_settings.quiet, self.common_settings.show_failed_logs))
        self.console = Console(stderr=not self.common_settings.stdout, highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[job]}", markup=False, table_column=Column(no_wrap=True)),
            console=self.console,
            speed_estimate_period=ESTIMATED_FROM_SECONDS,
            disable=not self.console.is_terminal,
        )
        self.stages = stage_of_rules()
        self.tasks: dict[str, TaskID] = {}
        self.running: dict[int, TaskID] = {}

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self._begin(record.stats)
        elif event == LogEvent.JOB_INFO and record.rule_name in self.stages:
            task = self.running[record.jobid] = self.tasks[self.stages[record.rule_name]]
            self.progress.start_task(task)
            self.progress.update(task, job=record.rule_msg)
        elif event == LogEvent.JOB_FINISHED and record.job_id in self.running:
            self._finish(self.running.pop(record.job_id))
        elif event in ERRORS or record.levelno >= logging.WARNING or str(record.msg).startswith(SHOWN):
            self.console.print(self.format(record), markup=False, soft_wrap=True)

    def _begin(self, jobs_of_rules: dict[str, int]) -> None:
        """Show the stages that have jobs to run."""
        for stage in dict.fromkeys(self.stages.values()):
            total = sum(jobs for rule, jobs in jobs_of_rules.items() if self.stages.get(rule) == stage)
            if total:
                self.tasks[stage] = self.progress.add_task(stage, start=False, total=total, job="")
        self.progress.start()

    def _finish(self, task: TaskID) -> None:
        """Count a finished job."""
        self.progress.advance(task)
        stage = self.progress.tasks[task]
        if task not in self.running.values():
            self.progress.update(task, job="")
        if stage.finished and not self.console.is_terminal:
            self.console.print(f"{stage.description}: {stage.total} jobs in {stage.finished_time:.0f} s")

    def close(self) -> None:
        self.progress.stop()
        super().close()
