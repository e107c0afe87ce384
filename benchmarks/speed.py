"""Training speed: ``python -m benchmarks.speed --size 25m --k 64``.

Every contestant trains in a process of its own, one after another, on the same data;
then the machine is measured. See docs/benchmarks.md.
"""

import argparse
import json
import subprocess
import sys
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numba import njit

from benchmarks.contestants import CONTESTANTS, N_THREADS, configuration
from benchmarks.data import SIZES, RawRatings, load
from engine.model.configuration import PLAIN

_WITHIN = 1.005  # of the best error


def main() -> None:
    """Parse the command line, run everything, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="1m")
    parser.add_argument("--k", type=int, default=PLAIN.n_factors)
    parser.add_argument("--only", nargs="*", choices=CONTESTANTS, default=CONTESTANTS)
    chosen = parser.parse_args()
    raw = load(chosen.size)
    print(f"{len(raw.users):,} training ratings, oracle RMSE {raw.oracle_rmse:.4f}")
    outcomes = [_run(name, chosen.size, chosen.k) for name in chosen.only]
    present = [outcome for outcome in outcomes if outcome is not None]
    _print_contestants(present)
    _print_memory(raw, present, chosen.k)
    _print_limits(raw, present, chosen.k)


def _run(name: str, size: str, k: int) -> dict[str, Any] | None:
    """Run one contestant in a new process; None if its library is missing."""
    command = [sys.executable, "-m", "benchmarks.contestants", name, size, str(k)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  our own module
    outcome: dict[str, Any] = json.loads(output.splitlines()[-1])
    if "missing" in outcome:
        print(f"{name}: skipped; {outcome['missing']}")
        return None
    return outcome


def _print_contestants(outcomes: list[dict[str, Any]]) -> None:
    """One line each: sweeps, and the way to within 0.5 % of the best peer's error."""
    errors = {
        outcome["name"]: min(point["rmse"] for point in outcome["points"])
        for outcome in outcomes
        if outcome["points"]
    }
    peers = [error for name, error in errors.items() if name != "cinefold"]
    target = _WITHIN * min(peers or errors.values())
    print(f"target: RMSE {target:.4f}, within 0.5 % of the best peer's")
    print(
        "| | s a sweep (CPU) | best RMSE (sweeps) | s to target (CPU; sweeps) "
        "| peak MB (loaded) | s of the whole training |\n|---|---|---|---|---|---|"
    )
    for outcome in outcomes:
        points = outcome["points"]
        best = min(points, key=lambda point: point["rmse"], default=None)
        there = next((point for point in points if point["rmse"] <= target), None)
        whole = outcome["whole"]
        print(
            f"| {outcome['name']}",
            f"{outcome['sweep']:.3f} ({outcome['sweep_cpu']:.2f})",
            f"{best['rmse']:.4f} ({best['sweeps']})" if best else "-",
            f"{there['seconds']:.2f} ({there['cpu']:.2f}; {there['sweeps']})"
            if there
            else "-",
            f"{outcome['memory']:.0f} ({outcome['loaded']:.0f})",
            f"{whole:.1f} |" if whole else "- |",
            sep=" | ",
        )


def _print_memory(raw: RawRatings, outcomes: list[dict[str, Any]], k: int) -> None:
    """Peak memory against that of both orientations and the factors."""
    n_rows = len(np.unique(raw.users)) + len(np.unique(raw.items))
    least = (2 * 8 * len(raw.users) + 4 * (k + 1) * n_rows) / 2**20
    for outcome in outcomes:
        if outcome["name"] == "cinefold":
            print(
                f"memory: {outcome['memory'] / least:.2f} x the {least:.0f} MB needed"
            )


def _print_limits(raw: RawRatings, outcomes: list[dict[str, Any]], k: int) -> None:
    """Sweeps against what the counted work would take at the machine's own rates."""
    n_users, n_items = (len(np.unique(ids)) for ids in (raw.users, raw.items))
    gemm, gather = _gemm_rate(), _gather_rate(n_users, k)
    n = 2 * len(raw.users)  # ratings of both half-steps
    work = 2 * configuration(k).work(len(raw.users), n_users + n_items)
    least = max(work / (gemm * N_THREADS), n * 4 * k / (gather * N_THREADS))
    print(
        f"machine, 1 thread: {gemm / 1e9:.0f} GFLOP/s of sgemm, "
        f"{gather / 1e9:.1f} GB/s of gathered rows"
    )
    print(
        f"a sweep with {k} factors: {work / 1e9:.0f} GFLOP, "
        f"{n * 4 * k / 1e9:.1f} GB; at these rates {least:.3f} s on {N_THREADS} threads"
    )
    for outcome in outcomes:
        if outcome["name"] == "cinefold":
            share = outcome["sweep_cpu"] / (least * N_THREADS)
            print(f"cinefold takes {share:.1f} x that, in seconds of processor time")


def _gemm_rate() -> float:
    """Multiply-adds of large matrices, in operations per second of processor time."""
    n = 2048
    matrix = np.random.default_rng(0).standard_normal((n, n), dtype=np.float32)
    return max(2 * n**3 / _cpu(lambda: matrix @ matrix) for _ in range(3))


def _gather_rate(n_rows: int, k: int) -> float:
    """Read random rows of a factor matrix, in bytes per second of processor time."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((n_rows, k), dtype=np.float32)
    rows = rng.integers(0, n_rows, 2_000_000)
    _sum_of_rows(matrix, rows[:10])
    return max(
        rows.size * 4 * k / _cpu(lambda: _sum_of_rows(matrix, rows)) for _ in range(3)
    )


@njit(cache=True, fastmath=True)
def _sum_of_rows(matrix: Any, rows: Any) -> Any:  # noqa: ANN401  compiled
    total = np.zeros(matrix.shape[1], dtype=np.float32)
    for row in rows:
        total += matrix[row]
    return total


def _cpu(task: Any) -> float:  # noqa: ANN401
    began = process_time(), perf_counter()
    task()
    return max(process_time() - began[0], 1e-9)


if __name__ == "__main__":
    main()
