"""Threads that share the rows of a half-step."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

import numpy as np

from engine.data.ratings import SparseRows
from engine.errors import DataError


class Workers:
    """A pool of threads; results do not depend on their number.

    Kernels release the interpreter lock, so threads of Python suffice, and any other
    thread of the process, a heartbeat say, keeps running.
    """

    _SMALLEST_SHARE = 20_000  # multiply-adds; less is not worth a thread switch
    _LARGEST_NUMBER = 64  # of shares: enough to even out, few enough to hand out

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    @classmethod
    @contextmanager
    def start(cls, n_threads: int | None = None) -> Iterator[Self]:
        """Start `n_threads` threads, as many as there are processors by default.

        Raises
        ------
        DataError
            `n_threads` is below 1.
        """
        count = _n_processors() if n_threads is None else n_threads
        if count < 1:
            raise DataError(f"n_threads is {count}; it must be at least 1")
        with ThreadPoolExecutor(max_workers=count) as executor:
            yield cls(executor)

    def share(
        self, rows: SparseRows, n_factors: int, task: Callable[[int, int], None]
    ) -> None:
        """Call ``task(first, last)`` for consecutive ranges of similar cost."""
        costs = (rows.indptr + np.arange(rows.n_rows + 1)) * (n_factors + 1)
        count = int(costs[-1]) // self._SMALLEST_SHARE
        count = min(max(count, 1), self._LARGEST_NUMBER)
        goals = np.linspace(0, costs[-1], count + 1)[1:-1]
        bounds = [0, *np.searchsorted(costs, goals).tolist(), rows.n_rows]
        list(self._executor.map(task, bounds[:-1], bounds[1:]))

    def each(self, task: Callable[[int], None], starts: Iterable[int]) -> None:
        """Call ``task(start)`` for each of some tasks of equal cost."""
        list(self._executor.map(task, starts))


def _n_processors() -> int:
    """Count the processors this process may use, where the system can tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
