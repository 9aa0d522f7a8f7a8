"""Map a function over items in threads; results do not depend on their number."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from threadpoolctl import threadpool_limits

Item, Result = TypeVar("Item"), TypeVar("Result")
#: Number of items held in memory.
GROUP = 64


def spread(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Yield `function(item)` in order, computed by `workers` threads; libraries called in them use one thread each.

    The items are iterated in the calling thread, a group at a time.
    """
    import torch

    torch.set_num_threads(1)
    items = iter(items)
    with threadpool_limits(1), ThreadPoolExecutor(workers) as threads:
        while group := list(islice(items, GROUP)):
            yield from threads.map(function, group)
