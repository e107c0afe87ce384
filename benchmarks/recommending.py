"""Lists per second, against a bare route: ``python -m benchmarks.recommending``.

Two web processes, their database and the clients share this machine's processors; the
routes take turns in short slices, so that whatever else runs slows all of them alike.
"""

import argparse
import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks import data
from benchmarks.clients import Load, drive
from benchmarks.service import Service, running

N_MOVIES, N_REPEATED, SIZE = 60_000, 100, "1m"
_N_CLIENTS, _N_SLICES, _SECONDS = 8, 4, 1.5
_BARE = "bare"


def main() -> None:
    """Print one line per kind of request, then the tail at two connections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8517, help="and the one above it")
    parser.add_argument("--slices", type=int, default=_N_SLICES)
    arguments = parser.parse_args()
    with running(SIZE, n_movies=N_MOVIES, first_port=arguments.port) as service:
        asked = _asked()
        _compare(service, asked, n_slices=arguments.slices)
        for name, paths in asked.items():
            load = drive(service.ports, paths, key=service.key, seconds=2 * _SECONDS)
            print(
                f"{name:<16}2 connections: median {1e3 * load.percentile(50):.1f} ms, "
                f"p99 {1e3 * load.percentile(99):.1f} ms"
            )


def _asked() -> Mapping[str, Iterator[str]]:
    """Endless paths of each kind; those of single users never repeat."""
    n_users = round(data.FULL_SIZE[1] * data.SIZES[SIZE] / data.FULL_SIZE[0])
    users = np.random.default_rng().permutation(n_users) + 1
    list_of = "/recommendations/{}".format
    return {
        _BARE: itertools.repeat("/health/live"),
        "another user": map(list_of, users[N_REPEATED:]),
        "repeated users": map(list_of, itertools.cycle(users[:N_REPEATED])),
    }


def _compare(
    service: Service, asked: Mapping[str, Iterator[str]], *, n_slices: int
) -> None:
    ports = [*service.ports] * (_N_CLIENTS // len(service.ports))
    for port, paths in itertools.product(service.ports, asked.values()):
        # Each repeated user twice: a list is sent again from the third time on.
        warming = itertools.islice(paths, 2 * N_REPEATED)
        drive([port], warming, key=service.key, seconds=60)
    loads = {name: Load() for name in asked}
    spent = {name: np.zeros(2) for name in asked}
    for name in list(asked) * n_slices:
        before = np.array(service.cpu_seconds())
        load = drive(ports, asked[name], key=service.key, seconds=_SECONDS)
        spent[name] += np.array(service.cpu_seconds()) - before
        loads[name].seconds += load.seconds
        loads[name].elapsed += load.elapsed
    costs = {name: 1e3 * spent[name] / len(loads[name].seconds) for name in asked}
    for name, load in loads.items():
        web, database = costs[name]
        share = costs[_BARE].sum() / costs[name].sum()
        print(
            f"{name:<16}{load.rate:6.0f} requests/s, "
            f"{load.rate / loads[_BARE].rate:6.1%} of bare; processor ms: "
            f"{web:.2f} web + {database:.2f} database, {share:6.1%} of bare"
        )


if __name__ == "__main__":
    main()
