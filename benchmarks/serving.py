"""Serving speed: ``python -m benchmarks.serving``.

One thread, seconds of the clock, the fastest of many runs; ratios within this run.
Set ``OPENBLAS_NUM_THREADS=1``, or the matrix products take all processors.
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from engine.arrays import FactorMatrix
from engine.data.ratings import SparseRows
from engine.kernels.top_k import top_k_of_users
from engine.model.configuration import RidgeConfig
from engine.model.heads import Head, RidgeHead, Unobserved
from engine.serving.fold_in import fold_in
from engine.serving.ranking import top_k

N_ITEMS, N_FACTORS, N_BEST, N_EXCLUDED, N_RATED = 59_047, 64, 20, 150, 50
N_USERS, N_THREADS = 512, 2


def main() -> None:
    """Print one line per comparison."""
    rng = np.random.default_rng(0)
    head = _head(rng)
    users = rng.standard_normal((N_USERS, N_FACTORS), dtype=np.float32)
    seen = [
        np.sort(rng.choice(N_ITEMS, N_EXCLUDED, replace=False)) for _ in range(N_USERS)
    ]

    def recommend(user: int) -> None:
        top_k(head.item_factors @ users[user], N_BEST, excluded=seen[user])

    product = _fastest(lambda: head.item_factors @ users[0])
    one = _fastest(lambda: recommend(0))
    print(
        f"top {N_BEST} of {N_ITEMS:,}, {N_EXCLUDED} excluded: {1e6 * one:.0f} us, "
        f"{one / product:.2f} x the product alone ({1e6 * product:.0f} us)"
    )

    _print_batch(head, users, seen)
    rated = seen[0][:N_RATED]
    stars = rng.integers(1, 11, N_RATED) / 2
    fold = _fastest(lambda: fold_in(head, rated, stars), 3000)
    rows = head.item_factors[rated]
    system = rows.T @ rows + 5 * np.eye(N_FACTORS, dtype=np.float32)
    right = stars.astype(np.float32) @ rows
    solve = _fastest(lambda: lapack.sposv(system, right), 3000)
    print(
        f"fold-in of {N_RATED} ratings: {1e6 * fold:.0f} us, "
        f"{fold / solve:.2f} x sposv ({1e6 * solve:.0f} us)"
    )

    def serve() -> None:
        top_k(head.scores(fold_in(head, rated, stars)), N_BEST, excluded=seen[0])

    both = _fastest(serve)
    print(
        f"fold-in and list together: {1e6 * both:.0f} us, "
        f"{both / (product + solve):.2f} x the product and sposv"
    )


def _print_batch(
    head: Head, users: FactorMatrix, seen: list[npt.NDArray[np.int64]]
) -> None:
    """Compare lists of many users with the bare product of their factors."""
    rows = SparseRows(
        np.arange(0, N_USERS * N_EXCLUDED + 1, N_EXCLUDED),
        np.concatenate(seen).astype(np.int32),
        np.ones(N_USERS * N_EXCLUDED, dtype=np.float32),
    )

    def make(n_threads: int) -> None:
        top_k_of_users(head, users, N_BEST, seen=rows, n_threads=n_threads)

    one, batch = (_fastest(partial(make, n), 20) for n in (1, N_THREADS))
    product = _fastest(lambda: users @ head.item_factors.T, 20)
    print(
        f"{N_USERS} users: {N_USERS / one:,.0f} users/s on one thread, "
        f"{N_USERS / batch:,.0f} on {N_THREADS}; "
        f"the product alone {N_USERS / product:,.0f} on one"
    )


def _head(rng: np.random.Generator) -> Head:
    configuration = RidgeConfig(
        n_factors=N_FACTORS, n_sweeps=1, user_weight=1, item_weight=1,
        user_bias_weight=1, item_bias_weight=1,
    )  # fmt: skip
    size = N_FACTORS + 1
    return RidgeHead(
        configuration,
        3.5,
        rng.standard_normal(N_ITEMS, dtype=np.float32),
        rng.standard_normal((N_ITEMS, N_FACTORS), dtype=np.float32),
        0.5,
        Unobserved(np.zeros((size, size)), np.zeros(size)),
    )


def _fastest(task: Callable[[], object], repeats: int = 300) -> float:
    """Least seconds of a call; the first ones warm up."""
    seconds = []
    for _ in range(repeats + 3):
        began = perf_counter()
        task()
        seconds.append(perf_counter() - began)
    return min(seconds[3:])


if __name__ == "__main__":
    main()
