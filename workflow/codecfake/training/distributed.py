"""One training on several processes (torchrun), each with a device of its own."""

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

#: torchrun, for processes that are all on this machine; by its own name, which need not resolve, they would not find
#: each other.
LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--local-addr", "localhost")


class Processes:
    """The processes that train one detector together; one alone where torchrun did not start several.

    Attributes:
        rank, world_size: this one's number, and how many there are.
    """

    def __init__(self, rank: int = 0, world_size: int = 1):
        self.rank, self.world_size = rank, world_size

    @property
    def is_distributed(self) -> bool:
        return self.world_size > 1

    @property
    def is_main(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def shard(self, items: list) -> list:
        """This process's part of a list."""
        return items[self.rank :: self.world_size]

    def gather(self, part: list) -> list:
        """The list again of which every process has its `shard`."""
        if not self.is_distributed:
            return part
        parts: list[list] = [[]] * self.world_size
        dist.all_gather_object(parts, part)
        merged = [None] * sum(map(len, parts))
        for rank, one in enumerate(parts):
            merged[rank :: self.world_size] = one
        return merged

    def sum_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Give every process the sum of all gradients."""
        if not self.is_distributed:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))


def started() -> bool:
    """Whether this is one of several processes that `start` started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def start(device: str, count: int) -> None:
    """Run this command again as `count` processes, each with a GPU that no other job has.

    Raises:
        ConfigError: there are not so many GPUs.
        CodecFakeError: one of them failed.
    """
    gpu_lock.claim(device, count)
    members = [*LAUNCHER, "--nproc-per-node", str(count), "-m", "codecfake.cli", *sys.argv[1:]]
    if code := subprocess.call([sys.executable, *members]):
        raise CodecFakeError(f"{count} processes together: one ended with exit code {code}")


def own_device() -> str:
    """The device of this one of several processes."""
    device = torch_device(f"cuda:{os.environ['LOCAL_RANK']}")
    torch.cuda.set_device(device)
    return device


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """The processes of this training, joined for as long as the block lasts."""
    if not started():
        yield Processes()
        return
    dist.init_process_group("nccl" if torch.device(device).type == "cuda" else "gloo")
    yield Processes(dist.get_rank(), dist.get_world_size())
    # not after a failure: the others would be waited for
    dist.destroy_process_group()
