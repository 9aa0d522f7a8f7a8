"""Work in threads: results in order, concurrency, one thread for each library below, exceptions raised."""

import threading

import pytest
import threadpoolctl
import torch

from codecfake.runtime import threads


@pytest.mark.parametrize("workers", [1, 3])
def test_results_are_in_the_order_of_the_items(workers):
    assert list(threads.spread(lambda item: item**2, range(200), workers)) == [item**2 for item in range(200)]


def test_as_many_threads_run_concurrently_as_requested():
    together = threading.Barrier(3, timeout=30)
    assert len(list(threads.spread(lambda _: together.wait(), range(6), 3))) == 6


def test_items_are_consumed_in_groups():
    made = []
    found = threads.spread(str, (made.append(item) or item for item in range(1000)), 2)
    assert [next(found), len(made)] == ["0", threads.GROUP]


def test_libraries_use_one_thread_per_worker():
    def most(_) -> int:
        return max([torch.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())])

    torch.set_num_threads(2)
    with threadpoolctl.threadpool_limits(2):
        assert most(None) == 2
        assert list(threads.spread(most, range(4), 2)) == [1] * 4


def test_exception_of_a_worker_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(threads.spread(lambda item: 1 // item, [1, 0, 1], 2))
