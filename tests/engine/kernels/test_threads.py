"""Sharing rows among threads."""

import os

import numpy as np
import pytest

from engine.data.ratings import SparseRows
from engine.errors import DataError
from engine.kernels.threads import Workers


def rows_of(counts):
    indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
    n = indptr[-1]
    return SparseRows(indptr, np.zeros(n, np.int32), np.zeros(n, np.float32))


@pytest.mark.parametrize(
    "counts", [[], [0, 0], [3], [100_000, 1, 1], [10] * 5_000, [1, 1, 90_000]]
)
def test_every_row_is_shared_out_exactly_once(counts):
    seen: list[int] = []

    with Workers.start(2) as workers:
        workers.share(
            rows_of(counts), 4, lambda first, last: seen.extend(range(first, last))
        )

    assert sorted(seen) == list(range(len(counts)))


def test_each_task_is_done_once():
    done: list[int] = []

    with Workers.start(2) as workers:
        workers.each(done.append, range(0, 10, 3))

    assert sorted(done) == [0, 3, 6, 9]


def test_what_a_task_raises_comes_back_to_the_caller():
    def fail(_first, _last):
        raise ValueError("no")

    with Workers.start() as workers, pytest.raises(ValueError, match="no"):
        workers.share(rows_of([1]), 4, fail)


def test_less_than_one_thread_is_refused():
    with pytest.raises(DataError, match="n_threads is 0"), Workers.start(0):
        pass


def test_systems_without_affinity_count_all_processors(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    seen: list[tuple[int, int]] = []

    with Workers.start() as workers:
        workers.share(
            rows_of([1, 2]), 4, lambda first, last: seen.append((first, last))
        )

    assert seen == [(0, 2)]
