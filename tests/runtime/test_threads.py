"""Work in threads: results in order, concurrency, one thread for each library below, exceptions raised."""

import threading

import pytest
import threadpoolctl
import torch

from codecfake.runtime import threads


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_of_items(workers):
    assert list(threads.spread(lambda item: item**2, range(200), workers)) == [item**2 for item in range(200)]


def test_as_many_threads_run_concurrently_as_requested():
    together = threading.Barrier(3, timeout=30)
    assert len(list(threads.spread(lambda _: together.wait(), range(6), 3))) == 6


def test_items_are_made_a_group_at_a_time():
    made = []
    found = threads.spread(str, (made.append(item) or item for item in range(1000)), 2)
    assert [next(found), len(made)] == ["0", threads.GROUP]


def test_libraries_compute_on_one_thread():
    def most(_) -> int:
        return max([torch.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())])

    torch.set_num_threads(2)
    with threadpoolctl.threadpool_limits(2):
        assert most(None) == 2
        assert list(threads.spread(most, range(4), 2)) == [1] * 4


def test_an_error_stops_the_work():
    with pytest.raises(ZeroDivisionError):
        list(threads.spread(lambda item: 1 // item, [1, 0, 1], 2))
