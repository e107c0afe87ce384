"""Train with one library in a process of its own; print what it took as JSON.

``python -m benchmarks.contestants NAME SIZE K`` is what `benchmarks.speed` runs. Each
contestant starts from raw id and rating arrays in memory. It reports, for some numbers
of sweeps, the seconds since then and the test error.
"""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from resource import getpagesize
from time import perf_counter, process_time, sleep
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from benchmarks.data import RawRatings, load, rmse
from benchmarks.libmf import Libmf, LibraryMissingError
from engine.data.ratings import Ratings
from engine.data.synthetic import make_ratings
from engine.kernels.exact import Side
from engine.kernels.threads import Workers
from engine.model.configuration import PLAIN, RANKING, RidgeConfig
from engine.training.als import Problem, half_step
from engine.training.fit import fit_head
from engine.training.ranking import ridge_config

N_THREADS = 2
SWEEPS = {
    "cinefold": range(1, 11),
    "cmfrec": (4, 6, 8),
    "libmf": (6, 8, 10, 12, 14, 18),
}
"""After how many sweeps each is tested; the peers start anew for each number."""

FEW_FACTORS = 32
"""From here on the other libraries need a little more penalty."""

_Vector = npt.NDArray[Any]


@dataclass(frozen=True)
class Point:
    """State after a number of sweeps; `cpu` counts the seconds of all threads."""

    sweeps: int
    seconds: float
    cpu: float
    rmse: float


@dataclass(frozen=True)
class Outcome:
    """The result of one contestant.

    `prepare` and `sweep` are seconds, `sweep_cpu` those of all threads together.
    `memory` is the peak in MB above `loaded`, what the process held before. Where a
    library's own training does more than the sweeps, `whole` are its seconds.
    """

    name: str
    prepare: float
    sweep: float
    sweep_cpu: float
    points: list[Point]
    loaded: float
    memory: float
    whole: float | None = None


class Peak:
    """Largest resident size of this process within a block, in MB."""

    def __enter__(self) -> Self:
        """Start watching."""
        self.before = self.highest = _resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            self.highest = max(self.highest, _resident())
            sleep(0.01)


class Stopwatch:
    """Seconds, of the clock and of all threads, while it runs."""

    def __init__(self) -> None:
        self.seconds = self.cpu = 0.0

    def __enter__(self) -> Self:
        """Go on."""
        self._began = perf_counter(), process_time()
        return self

    def __exit__(self, *_: object) -> None:
        """Pause."""
        self.seconds += perf_counter() - self._began[0]
        self.cpu += process_time() - self._began[1]


def configuration(k: int) -> RidgeConfig:
    """Take the preset `plain`, its ridge chosen for these data on the 10m set.

    So are the penalties of the other libraries.
    """
    return replace(PLAIN, n_factors=k, user_weight=0.25, item_weight=0.25)


def cinefold(raw: RawRatings, k: int) -> Outcome:
    """Sweeps of the rating head, tested one by one; then the whole of `fit_head`."""
    _compile(configuration(k))
    with Peak() as peak:
        outcome = _sweeps(raw, configuration(k), n_sweeps=len(SWEEPS["cinefold"]))
    began = perf_counter()
    rng = np.random.default_rng(0)
    fit_head(raw.ratings(), configuration(k), rng=rng, n_threads=N_THREADS)
    return replace(
        outcome, whole=perf_counter() - began,
        loaded=peak.before, memory=peak.highest - peak.before,
    )  # fmt: skip


def ranking(raw: RawRatings, _: int) -> Outcome:
    """Sweeps of the ranking head as shipped; it has no RMSE, so only time counts."""
    chosen = ridge_config(raw.ratings(), RANKING)
    _compile(chosen)
    return replace(_sweeps(raw, chosen, n_sweeps=3), name="ranking", points=[])


def _compile(chosen: RidgeConfig) -> None:
    """Train on a handful of ratings, so that no time is lost compiling later."""
    ratings = make_ratings(rng=np.random.default_rng(0)).ratings
    fit_head(ratings, chosen, rng=np.random.default_rng(0))


def _sweeps(raw: RawRatings, chosen: RidgeConfig, *, n_sweeps: int) -> Outcome:
    """Alternate as `fit_head` does, with a test after each sweep."""
    watch, sweeps, points = Stopwatch(), [], []
    with watch:
        ratings = raw.ratings()
    prepare = watch.seconds
    test = _rows_of_test(raw, ratings)
    with Workers.start(N_THREADS) as workers:
        with watch:
            problem = Problem(ratings, chosen)
            users, items = _start(ratings, chosen)
            users = half_step(problem, users, items, role="user", workers=workers)
        for sweep in range(1, n_sweeps + 1):
            with watch, Stopwatch() as one:
                items = half_step(problem, items, users, role="item", workers=workers)
                users = half_step(problem, users, items, role="user", workers=workers)
            sweeps.append((one.seconds, one.cpu))
            error = rmse(_scores(*test, problem.offset, users, items), raw.test_stars)
            points.append(Point(sweep, watch.seconds, watch.cpu, error))
    seconds, cpu = np.median(sweeps, axis=0)
    return Outcome("cinefold", prepare, float(seconds), float(cpu), points, 0, 0)


def _start(ratings: Ratings, chosen: RidgeConfig) -> tuple[Side, Side]:
    rng = np.random.default_rng(0)
    sides = []
    for n in (ratings.n_users, ratings.n_items):
        factors = rng.standard_normal((n, chosen.n_factors), dtype=np.float32)
        sides.append(Side(factors * np.float32(0.1), np.zeros(n, np.float32)))
    return sides[0], sides[1]


def _rows_of_test(raw: RawRatings, ratings: Ratings) -> tuple[_Vector, _Vector]:
    return (
        ratings.user_indices_of(raw.test_users),
        ratings.item_indices_of(raw.test_items),
    )


def libmf(raw: RawRatings, k: int) -> Outcome:
    """Stochastic gradient descent by LIBMF."""
    library, points = Libmf(), []
    with Peak() as peak:
        for n_sweeps in SWEEPS["libmf"]:
            watch = Stopwatch()
            with watch:
                nodes = library.nodes(raw.users, raw.items, raw.stars)
                prepare = watch.seconds
                penalty = 0.03 if k < FEW_FACTORS else 0.04
                p, q = library.train(
                    nodes, k, n_sweeps=n_sweeps, penalty=penalty, n_threads=N_THREADS
                )
            scores = _products(raw.test_users, raw.test_items, p, q)
            scores = np.where(np.isnan(scores), raw.stars.mean(), scores)
            error = rmse(scores, raw.test_stars)
            points.append(Point(n_sweeps, watch.seconds, watch.cpu, error))
    memory = peak.highest - peak.before
    return Outcome("libmf", prepare, *_slope(points), points, peak.before, memory)


def cmfrec(raw: RawRatings, k: int) -> Outcome:
    """Alternating least squares by cmfrec: gradient steps, no last Cholesky sweep."""
    try:
        from cmfrec import CMF  # noqa: PLC0415  an optional install
    except ImportError as missing:
        raise LibraryMissingError("pip install cmfrec threadpoolctl") from missing
    from scipy.sparse import coo_matrix  # noqa: PLC0415  what it takes

    points = []
    with Peak() as peak:
        for n_sweeps in SWEEPS["cmfrec"]:
            watch = Stopwatch()
            with watch:
                pairs = raw.users.astype(np.int32), raw.items.astype(np.int32)
                ratings = coo_matrix((raw.stars, pairs))
                model = CMF(
                    k=k, lambda_=0.04 if k < FEW_FACTORS else 0.05, scale_lam=True,
                    use_cg=True, finalize_chol=False, niter=n_sweeps,
                    nthreads=N_THREADS, use_float=True, verbose=False,
                    precompute_for_predictions=False, random_state=1,
                )  # fmt: skip
                model.fit(ratings)
            known = raw.test_items < len(model.B_)
            test = raw.test_users, np.where(known, raw.test_items, -1)
            users = Side(model.A_, model.user_bias_)
            items = Side(model.B_, model.item_bias_)
            scores = _scores(*test, model.glob_mean_, users, items)
            error = rmse(scores, raw.test_stars)
            points.append(Point(n_sweeps, watch.seconds, watch.cpu, error))
    memory = peak.highest - peak.before
    return Outcome("cmfrec", 0, *_slope(points), points, peak.before, memory)


def _slope(points: list[Point]) -> tuple[float, float]:
    """Seconds per sweep, by the clock and of all threads, without the preparation."""
    first, last = points[0], points[-1]
    n = last.sweeps - first.sweeps
    return (last.seconds - first.seconds) / n, (last.cpu - first.cpu) / n


def _scores(
    user_rows: _Vector, item_rows: _Vector, mean: float, users: Side, items: Side
) -> _Vector:
    """Predictions; rows below 0 are unknown and count as average."""
    scores = _products(user_rows, item_rows, users.factors, items.factors)
    scores = np.where((user_rows >= 0) & (item_rows >= 0), scores, 0) + mean
    scores += np.where(user_rows >= 0, users.biases[user_rows], 0)
    scores += np.where(item_rows >= 0, items.biases[item_rows], 0)
    return scores


@njit(cache=True, fastmath={"reassoc", "contract"})
def _products(users: _Vector, items: _Vector, p: _Vector, q: _Vector) -> _Vector:
    products = np.empty(len(users), dtype=np.float32)
    for t in range(len(users)):
        mine, theirs = p[users[t]], q[items[t]]
        total = np.float32(0)
        for f in range(p.shape[1]):
            total += mine[f] * theirs[f]
        products[t] = total
    return products


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * getpagesize() / 2**20


CONTESTANTS: dict[str, Callable[[RawRatings, int], Outcome]] = {
    "cinefold": cinefold,
    "ranking": ranking,
    "libmf": libmf,
    "cmfrec": cmfrec,
}


def main() -> None:
    """Run the contestant named on the command line."""
    name, size, k = sys.argv[1:]
    try:
        print(json.dumps(asdict(CONTESTANTS[name](load(size), int(k)))))
    except LibraryMissingError as error:
        print(json.dumps({"name": name, "missing": str(error)}))


if __name__ == "__main__":
    main()
