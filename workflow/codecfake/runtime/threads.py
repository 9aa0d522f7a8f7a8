"""Work of one process spread over threads: the same bytes, however many there are."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from threadpoolctl import threadpool_limits

Item, Result = TypeVar("Item"), TypeVar("Result")
#: Items in memory at once.
GROUP = 64


def spread(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`function` of each item, in order, `workers` at a time; libraries below compute on one thread each.

    Items are made in this thread, a group at a time.
    """
    import torch

    torch.set_num_threads(1)
    items = iter(items)
    with threadpool_limits(1), ThreadPoolExecutor(workers) as threads:
        while group := list(islice(items, GROUP)):
            yield from threads.map(function, group)
