"""The service with many ratings: ``python -m benchmarks.big --size 25m``.

It loads them from CSV beside a bare COPY, reads them as the worker does, has a run of
the real worker trained, published and served, and compares how fast a web process
answers with one on the sample. Parts can be asked for one by one: the database stays
in the cache until it is loaded anew. The smaller sizes are for trying it out.
"""

import argparse
import itertools
import json
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg
from psycopg import sql

from api.queries.snapshot import read_snapshot
from api.schemas.training import TrainingRunIn
from api.services import training
from api.services.insights import refresh_summary
from api.services.loading import SAMPLE
from api.settings import Settings, libpq_url
from api.storage.database import in_session, migrate
from api.storage.embedded_postgres import own, running_server
from benchmarks import data
from benchmarks.clients import Load, drive
from benchmarks.service import Service, command, serving
from engine.jobs.memory import peak_bytes, reset_peak

# Weights by hand, no evaluation: what the engine offers for very large sets.
TRAINED = {"preset": "plain", "evaluate": "never"}
SUMMED_UP = (
    "/insights/ratings",
    "/insights/popularity",
    "/insights/genres",
    "/insights/polarizing",
    "/insights/polarizing?by=excess&limit=100",
)
LISTS = "/recommendations/{user}"
_N_SLICES, _SECONDS, _N_CLIENTS = 4, 2.0, 2
_MB = 1e6


def main() -> None:
    """Print a table of each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=data.SIZES, default="1m")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--port", type=int, default=8527, help="and the one above it")
    arguments = parser.parse_args()
    for part in arguments.only:
        for name, *values in PARTS[part](arguments.size, arguments.port):
            cells = "".join(f"{value:>14}" for value in values)
            print(f"{name:<52}{cells}", flush=True)


def loading(size: str, _: int) -> Iterator[tuple[str, ...]]:
    """Load the sample and the set, each into a new database; then copy the latter."""
    yield "loading", "s", "MB process", "MB database"
    for name, folder in (("sample", SAMPLE), (size, _movielens(size))):
        shutil.rmtree(_data_dir(name), ignore_errors=True)
        with _database(name) as url:
            seconds, memory = _load(url, _data_dir(name), folder)
            _vacuum(url)
        yield (f"cinefold load, {name}", f"{seconds:.1f}", *memory)
    with _database(size) as url:
        copied, indexed = _bare_copy(url, _data_dir(size) / "rows")
    yield "COPY of the same rows", f"{copied:.1f}"
    yield "its keys and indexes", f"{indexed:.1f}"
    yield "load / (copy, keys and indexes)", f"{seconds / (copied + indexed):.2f}"


def reading(size: str, _: int) -> Iterator[tuple[str, ...]]:
    """Read the ratings as the worker does before it trains."""
    with _database(size) as url:
        reset_peak()
        began = time.perf_counter()
        n_ratings = read_snapshot(url).ratings.n_ratings
        seconds = time.perf_counter() - began
    yield "reading", "s", "MB"
    peak = f"{(peak_bytes() or 0) / _MB:.0f}"
    yield f"{n_ratings:,} ratings into both orientations", f"{seconds:.1f}", peak


def publishing(size: str, port: int) -> Iterator[tuple[str, ...]]:
    """Have a worker train while a web process serves; the sample's likewise."""
    yield f"training ({TRAINED['preset']})", "s"
    for name in ("sample", size):
        with _database(name) as url, serving(url, _data_dir(name), [port]) as service:
            for stage, seconds in _trained(service, _data_dir(name)):
                yield f"{name}: {stage}", f"{seconds:.2f}"


def answering(size: str, port: int) -> Iterator[tuple[str, ...]]:
    """Ask both services in turns, over two connections."""
    names = "sample", size
    with ExitStack() as stack:
        services = []
        for number, name in enumerate(names):
            url = stack.enter_context(_database(name))
            in_session(_settings(name, url), url, refresh_summary)
            ports = [port + number]
            serve = serving(url, _data_dir(name), ports)
            services.append(stack.enter_context(serve))
        yield "milliseconds", "sample p50", "p99", f"{size} p50", "p99", "p99 ratio"
        for path in (*SUMMED_UP, LISTS):
            loads = _compared(services, path)
            figures = [1e3 * x.percentile(q) for x in loads for q in (50, 99)]
            ratio = f"{figures[3] / figures[1]:.2f}"
            yield (path, *(f"{figure:.1f}" for figure in figures), ratio)


PARTS = {"load": loading, "read": reading, "train": publishing, "serve": answering}


def _data_dir(name: str) -> Path:
    return data.CACHE / f"big-{name}"


@contextmanager
def _database(name: str) -> Iterator[str]:
    """Start the database of a data set."""
    data_dir = _data_dir(name)
    with own(data_dir), running_server(data_dir) as server:
        migrate(server.url)
        yield server.url


def _settings(name: str, url: str) -> Settings:
    return Settings(database_url=url, data_dir=_data_dir(name))


def _movielens(size: str) -> Path:
    """Write the CSV files, the first time."""
    folder = data.CACHE / f"movielens-{size}"
    if not (folder / "movies.csv").exists():  # the last file to be written
        folder.mkdir(parents=True, exist_ok=True)
        data.write_movielens(folder, size, n_movies=data.FULL_SIZE[2])
    return folder


@dataclass
class Peak:
    """The largest memory of a process and of the database's, looked at while it runs.

    For the database, the memory that each process has to itself: they share the rest.
    """

    process: psutil.Process
    server: psutil.Process
    own: int = 0
    database: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look ten times per second until told that it has ended."""
        while not self.ended.wait(0.1):
            with suppress(psutil.NoSuchProcess):
                self.own = max(self.own, self.process.memory_info().rss)
                private = 0
                for each in self.server.children():
                    memory = each.memory_info()
                    private += memory.rss - memory.shared
                self.database = max(self.database, private)


def _load(url: str, data_dir: Path, folder: Path) -> tuple[float, tuple[str, str]]:
    """Run `cinefold load`; return its seconds and the peaks of memory."""
    with psycopg.connect(libpq_url(url)) as connection:
        server = psutil.Process(connection.info.backend_pid).parent()
    assert server is not None  # noqa: S101 - the server itself
    began = time.perf_counter()
    with command("load", str(folder), url=url, data_dir=data_dir) as process:
        peak = Peak(process, server)
        watching = threading.Thread(target=peak.watch)
        watching.start()
        status = process.wait()
        seconds = time.perf_counter() - began
        peak.ended.set()
        watching.join()
    if status != 0:
        raise SystemExit(status)
    return seconds, (f"{peak.own / _MB:.0f}", f"{peak.database / _MB:.0f}")


def _bare_copy(url: str, rows: Path) -> tuple[float, float]:
    """Copy the rows into a table alike, then key and index it; seconds of both."""
    with psycopg.connect(libpq_url(url)) as connection:
        with (
            rows.open("wb") as file,
            connection.cursor().copy("COPY ratings TO STDOUT") as copy,
        ):
            file.writelines(copy)
        began = time.perf_counter()
        connection.execute(
            "CREATE TABLE bare (LIKE ratings INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
        )
        with (
            rows.open("rb") as file,
            connection.cursor().copy("COPY bare FROM STDIN") as copy,
        ):
            while chunk := file.read(1 << 20):
                copy.write(chunk)
        copied = time.perf_counter()
        _index(connection)
        connection.commit()
        indexed = time.perf_counter()
        connection.execute("DROP TABLE bare")
    rows.unlink()
    return copied - began, indexed - copied


def _index(connection: psycopg.Connection[Any]) -> None:
    """Give it the keys and indexes of the table of ratings."""
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'")  # as the loader
    keys = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE"
        " conrelid = 'ratings'::regclass AND contype IN ('p', 'f')"
        " ORDER BY contype DESC"
    ).fetchall()
    indexes = connection.execute(
        "SELECT replace(pg_get_indexdef(indexrelid), 'ratings', 'bare')"
        " FROM pg_index WHERE indrelid = 'ratings'::regclass AND NOT indisprimary"
    ).fetchall()
    for (definition,) in keys:
        connection.execute(sql.SQL("ALTER TABLE bare ADD ") + sql.SQL(definition))
    for (definition,) in indexes:
        connection.execute(sql.SQL(definition))


def _vacuum(url: str) -> None:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # as the server itself does before long


def _trained(service: Service, data_dir: Path) -> Iterator[tuple[str, float]]:
    """Ask for lists until they come from a new model; seconds of each step.

    A worker tells its stage every two seconds, so stages are as exact as that.
    """
    settings = Settings(database_url=service.url, data_dir=data_dir)
    body = TrainingRunIn.model_validate(TRAINED)
    before = _asked(service)["model"]
    run_id = in_session(
        settings, service.url, lambda s: training.request_run(s, body)
    ).id
    query = (
        "SELECT status, coalesce(stage, 'waiting'),"
        " extract(epoch FROM finished_at - started_at),"
        " extract(epoch FROM clock_timestamp() - finished_at)"
        " FROM training_runs WHERE id = %s"
    )
    stages: dict[str, float] = {}
    slowest, status, seconds, swapped = 0.0, "queued", 0.0, 0.0
    seen = time.perf_counter()
    with (
        psycopg.connect(libpq_url(service.url), autocommit=True) as connection,
        command("worker", url=service.url, data_dir=data_dir),
    ):
        while True:
            asked = time.perf_counter()
            is_swapped = _asked(service)["model"] != before
            slowest = max(slowest, time.perf_counter() - asked)
            row = connection.execute(query, (run_id,)).fetchone()
            assert row is not None  # noqa: S101 - just added
            status, stage, seconds, swapped = row
            if is_swapped:
                break
            if status not in {"queued", "running", "succeeded"}:
                raise SystemExit(f"run {run_id} {status}")
            now = time.perf_counter()
            stages[stage] = stages.get(stage, 0) + now - seen
            seen = now
            time.sleep(0.05)
    yield from stages.items()
    yield "the whole run", float(seconds)
    yield "from its end to the first list of the model", float(swapped)
    yield "slowest list meanwhile", slowest


def _asked(service: Service) -> dict[str, Any]:
    """Ask for a list; `HTTPError` unless it comes."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{service.ports[0]}/recommendations/1?limit=1",
        headers={"X-API-Key": service.key},
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own
        return dict(json.load(reply))


def _compared(services: list[Service], path: str) -> list[Load]:
    """Ask each service for a path in turns."""
    asked = [_paths(service, path) for service in services]
    for service, paths in zip(services, asked, strict=True):
        warming = itertools.islice(paths, 20)
        drive(service.ports, warming, key=service.key, seconds=60)
    loads = [Load() for _ in services]
    for _ in range(_N_SLICES):
        for service, paths, load in zip(services, asked, loads, strict=True):
            ports = [*service.ports] * _N_CLIENTS
            found = drive(ports, paths, key=service.key, seconds=_SECONDS)
            load.seconds += found.seconds
            load.elapsed += found.elapsed
    return loads


def _paths(service: Service, path: str) -> Iterator[str]:
    """Endless paths; users take turns, so that no list is cached."""
    if path != LISTS:
        return itertools.repeat(path)
    with psycopg.connect(libpq_url(service.url)) as connection:
        rows = connection.execute("SELECT DISTINCT user_id FROM ratings").fetchall()
    users = np.random.default_rng(0).permutation(np.array(rows).ravel())
    return (f"/recommendations/{user}" for user in itertools.cycle(users.tolist()))


if __name__ == "__main__":
    main()
