"""A complete run, made once a session."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

import finished_run


@pytest.fixture(scope="session")
def finished(tmp_path_factory, speech) -> Path:
    """The folder of a complete run, see `finished_run.make`. Tests change only copies of it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the same for all workers
    folder /= "finished"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            finished_run.make(folder, speech)
            (folder / "done").touch()
    return folder
