"""Data-parallel training on several processes (torchrun), each on its own device."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

from codecfake.runtime import gpu_lock
from codecfake.runtime.device import torch_device
from codecfake.util.errors import CodecFakeError

#: torchrun for one machine, addressed as localhost because the machine's host name may not resolve.
LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--local-addr", "localhost")


class Processes:
    """The processes that train one detector together; a single one without torchrun.

    Attributes:
        rank: number of this process, from 0.
        world_size: number of processes.
    """

    def __init__(self, rank: int = 0, world_size: int = 1):
        self.rank, self.world_size = rank, world_size

    @property
    def is_distributed(self) -> bool:
        return self.world_size > 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def shard(self, items: list) -> list:
        """Return this process's part of a list."""
        return items[self.rank :: self.world_size]

    def gather(self, part: list) -> list:
        """Merge the `shard` parts of all processes into the complete list, in its original order."""
        if not self.is_distributed:
            return part
        parts: list[list] = [[]] * self.world_size
        dist.all_gather_object(parts, part)
        merged = [None] * sum(map(len, parts))
        for rank, one in enumerate(parts):
            merged[rank :: self.world_size] = one
        return merged

    def sum_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Replace the gradients of every process by their sum over all processes."""
        if not self.is_distributed:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))


def started() -> bool:
    """Return whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def start(device: str, count: int) -> None:
    """Rerun the current command as `count` processes, each with a GPU that no other job uses.

    Raises:
        ConfigError: fewer than `count` GPUs are visible.
        CodecFakeError: a process failed.
    """
    gpu_lock.claim(device, count)
    members = [*LAUNCHER, "--nproc-per-node", str(count), "-m", "codecfake.cli", *sys.argv[1:]]
    if code := subprocess.call([sys.executable, *members]):
        raise CodecFakeError(f"{count} processes together: one ended with exit code {code}")


def own_device() -> str:
    """Return the GPU of this process and make it the current CUDA device."""
    device = torch_device(f"cuda:{os.environ['LOCAL_RANK']}")
    torch.cuda.set_device(device)
    return device


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the process group of this training for the duration of the block."""
    if not started():
        yield Processes()
        return
    dist.init_process_group("nccl" if torch.device(device).type == "cuda" else "gloo")
    yield Processes(dist.get_rank(), dist.get_world_size())
    # not after an exception: this would wait for the other processes
    dist.destroy_process_group()
