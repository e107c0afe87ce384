"""Lists a second, against a bare route: ``python -m benchmarks.recommending``.

Two web processes, their database and the clients share this machine's processors; the
routes take turns in short slices, so that whatever else runs slows all of them alike.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import clients, data, service
from benchmarks.service import Service

N_MOVIES, N_REPEATED = 60_000, 100
_N_CLIENTS, _N_SLICES, _SECONDS = 8, 5, 2.0
_BARE = "/health/live"


def main() -> None:
    """Print one line a kind of request, then the tail at two connections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8517)
    parser.add_argument("--slices", type=int, default=_N_SLICES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, service.database(
        Path(folder) / "data"
    ) as url:
        data.write_movielens(Path(folder) / "csv", "1m", n_movies=N_MOVIES)
        service.fill(url, Path(folder) / "csv")
        data_dir = Path(folder) / "data"
        model = service.untrained_model(url, rng=np.random.default_rng(0))
        service.publish(url, data_dir / "models", model)
        with service.web(url, data_dir, first_port=arguments.port) as running:
            _compare(running, n_slices=arguments.slices)


def _compare(running: Service, *, n_slices: int) -> None:
    n_users = round(data.FULL_SIZE[1] * data.SIZES["1m"] / data.FULL_SIZE[0])
    users = np.random.default_rng(1).permutation(n_users) + 1
    repeated, others = users[:N_REPEATED], iter(users[N_REPEATED:].tolist())
    asked = {
        "bare": _forever(running, itertools.repeat(_BARE)),
        "another user": _forever(running, map("/recommendations/{}".format, others)),
        "repeated users": _forever(
            running, map("/recommendations/{}".format, itertools.cycle(repeated))
        ),
    }
    ports = running.ports * (_N_CLIENTS // len(running.ports))
    clients.drive(ports, itertools.islice(asked["repeated users"], 400), seconds=60)
    loads = {name: clients.Load() for name in asked}
    spent = {name: np.zeros(2) for name in asked}
    for name in list(asked) * n_slices:
        before = np.array(running.cpu_seconds())
        load = clients.drive(ports, asked[name], seconds=_SECONDS)
        spent[name] += np.array(running.cpu_seconds()) - before
        loads[name].seconds += load.seconds
        loads[name].elapsed += load.elapsed
    for name, load in loads.items():
        web, database = 1e3 * spent[name] / len(load.seconds)
        bare = 1e3 * spent["bare"].sum() / len(loads["bare"].seconds)
        print(
            f"{name:<16}{load.rate:8.0f} requests/s, {load.rate / loads['bare'].rate:6.1%}"
            f" of bare; processor time {web:.2f} ms web + {database:.2f} ms database, "
            f"{bare / (web + database):6.1%} of bare"
        )
    for name, requests in asked.items():
        load = clients.drive(running.ports, requests, seconds=2 * _SECONDS)
        print(
            f"{name:<16}2 connections: median {1e3 * load.percentile(50):.1f} ms, "
            f"p99 {1e3 * load.percentile(99):.1f} ms"
        )


def _forever(running: Service, paths: Iterator[str]) -> Iterator[tuple[str, str]]:
    return ((path, running.key) for path in paths)


if __name__ == "__main__":
    main()
