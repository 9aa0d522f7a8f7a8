"""Training on two processes of torchrun: same result as one process, files written once."""

import functools
import operator
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import codecfake
from codecfake import detectors
from codecfake.data import tables
from codecfake.training.distributed import LAUNCHER, Processes, processes, start
from codecfake.training.trainer import train
from codecfake.trials.protocol import Protocol
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import CodecFakeError
from optional import in_namespace
from tiny_run import ENTRY, MUFFLED, make_run, waveforms_in

COUNT = 2
#: No batch normalisation, no dropout; weight decay, without which Adam is invariant to the gradient's scale.
RECIPE = {**ENTRY["training"], "weight_decay": 0.1}
PLAIN = {**ENTRY, "module": "plain", "epochs": 2, "learning_rate": 0.001, "training": RECIPE}
#: Entries of trainings on 20 trials of each class.
ENTRIES = {
    "full batches": PLAIN,
    "odd batch size, smaller last batch": {**PLAIN, "batch_size": 9},
    "last batch of two": {**PLAIN, "batch_size": 19},
    "averaged": {**PLAIN, "training": {**RECIPE, "average": True}},
    "batch normalisation": {**ENTRY, "epochs": 2},
}
EQUAL = [name for name, entry in ENTRIES.items() if entry["module"] == "plain"]


class Plain(torch.nn.Module):
    """A linear model of the waveform."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(PLAIN["crop_samples"], 2)

    def forward(self, waveforms):
        return self.linear(waveforms)

    @staticmethod
    def cm_score(logits):
        return logits[:, 1]


def train_all(folder: Path, processes: Processes, out: Path) -> None:
    """Run every training; save the results and the written files of each process under its rank."""
    build, out = detectors.build, out / str(processes.rank)
    trials = pd.concat([tables.read(folder / f"{codec}.tsv", Protocol) for codec in (IDENTITY, MUFFLED)])
    detectors.build = lambda entry: Plain() if entry["module"] == "plain" else build(entry)
    (out / "written").mkdir(parents=True)
    try:
        for name, entry in ENTRIES.items():
            options = {"seed": 3, "device": "cpu", "workers": 0, "processes": processes}
            paths = {"state": out / f"written/{name}.state", "curves": out / f"written/{name}"}
            trained = train(trials, waveforms_in(folder), entry, **options, **paths)
            torch.save((trained.state_dict, trained.dev_error, trained.history.to_dict("list")), out / f"{name}.pt")
    finally:
        detectors.build = build
    lists = [list(range(length)) for length in (0, 1, 5)]
    shared = [processes.gather(processes.shard(items)) for items in lists]
    torch.save({"count": processes.world_size, "lists": lists, "shared": shared}, out / "processes.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, speech) -> Path:
    folder = tmp_path_factory.mktemp("parallel")
    _, protocols = make_run(folder, speech, {"train": 5, "dev": 3, "eval": 1})
    for codec, trials in protocols.items():
        tables.write(trials, Protocol, folder / f"{codec}.tsv")
    return folder


@pytest.fixture(scope="module")
def alone(folder) -> Path:
    train_all(folder, Processes(), folder / "alone")
    return folder / "alone/0"


@pytest.fixture(scope="module")
def together(folder) -> list[Path]:
    """The output folders of the processes."""
    # with `timeout`, so that torchrun also ends its processes
    launcher = ["timeout", "120", sys.executable, *LAUNCHER]
    command = [*launcher, "--nproc-per-node", str(COUNT), __file__, folder, folder / "together"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return [folder / f"together/{rank}" for rank in range(COUNT)]


def ended(folder: Path, name: str) -> tuple[dict[str, torch.Tensor], float, dict[str, list]]:
    """Load a process's result of a training: weights, EER on dev, history."""
    return torch.load(folder / f"{name}.pt", weights_only=True)


def test_processes_connect_if_the_host_name_does_not_resolve(tmp_path):
    renamed = in_namespace("uts", "hostname no-such-host")
    (tmp_path / "members.py").write_text(
        "import pathlib\nimport torch.distributed as dist\n"
        "dist.init_process_group('gloo')\npathlib.Path(f'member{dist.get_rank()}').touch()\n"
    )
    command = ["timeout", "60", sys.executable, *LAUNCHER, "--nproc-per-node", "2", tmp_path / "members.py"]
    result = subprocess.run([*renamed, *command], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.glob("member?")) == ["member0", "member1"]


@pytest.mark.parametrize("name", EQUAL)
def test_weights_equal_those_of_one_process(alone, together, name):
    weights, dev_eer, _ = ended(alone, name)
    for folder in together:
        found, found_eer, _ = ended(folder, name)
        assert found.keys() == weights.keys()
        for key, value in weights.items():
            torch.testing.assert_close(found[key], value, rtol=0, atol=1e-6)
        assert found_eer == pytest.approx(dev_eer, abs=1e-6)


@pytest.mark.parametrize("name", EQUAL)
def test_history_equals_that_of_one_process(alone, together, name):
    expected = ended(alone, name)[2]
    assert expected["epoch"] == [1, 2]
    for folder in together:
        history = ended(folder, name)[2]
        assert history.keys() == expected.keys()
        for column, values in expected.items():
            assert history[column] == pytest.approx(values, abs=1e-6)


def test_all_processes_train_the_same_weights_with_batch_normalisation(together):
    trained = [name for name, _ in detectors.build(ENTRY).named_parameters()]
    (one, _, history), (other, _, other_history) = (ended(folder, "batch normalisation") for folder in together)
    assert all(torch.equal(one[name], other[name]) for name in trained)
    assert history == other_history
    assert history["train_loss"][1] < history["train_loss"][0]


def test_only_the_main_process_writes_files(alone, together):
    def written(folder: Path) -> list[str]:
        return sorted({path.relative_to(folder).parts[1] for path in folder.glob("written/**/*") if path.is_file()})

    assert written(together[0]) == written(alone) != []
    assert [written(folder) for folder in together[1:]] == [[]] * (COUNT - 1)


def test_gather_restores_a_sharded_list(alone, together):
    for folder, count in ((alone, 1), *((folder, COUNT) for folder in together)):
        found = torch.load(folder / "processes.pt", weights_only=True)
        assert found["count"] == count
        assert found["shared"] == found["lists"]


@pytest.mark.parametrize("length", [0, 1, 5])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_shares_cover_all_items_and_differ_by_at_most_one(count, length):
    items = [f"trial {number}" for number in range(length)]
    shares = [Processes(rank, count).shard(items) for rank in range(count)]
    assert sorted(functools.reduce(operator.add, shares)) == items
    assert np.ptp([len(share) for share in shares]) <= 1


def test_single_process_is_used_without_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes("cpu") as joined:
        assert (joined.rank, joined.world_size, joined.is_distributed, joined.is_main) == (0, 1, False, True)
    assert not torch.distributed.is_initialized()


def test_start_runs_the_command_in_each_process_on_separate_gpus(monkeypatch, capfd):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(f"fake{number}-{os.getpid()}" for number in range(3)))
    monkeypatch.setattr(sys, "argv", ["codecfake", "--version"])
    start("auto", 2)
    assert capfd.readouterr().out.split() == [codecfake.__version__] * 2
    assert os.environ["CUDA_VISIBLE_DEVICES"].count("fake") == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"other-{os.getpid()}")
    monkeypatch.setattr(sys, "argv", ["codecfake", "no-verb"])
    with pytest.raises(CodecFakeError, match="1 processes together: one ended with exit code"):
        start("auto", 1)


if __name__ == "__main__":
    with processes("cpu") as joined:
        train_all(Path(sys.argv[1]), joined, Path(sys.argv[2]))
