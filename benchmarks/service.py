"""The service as it runs, with a catalogue of 60,000 movies and a model of that size."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
import psycopg
from psycopg.types.json import Jsonb

from api.database import in_session, migrate
from api.embedded_postgres import own, running_server
from api.schemas.account import ApiKeyIn
from api.services import auth
from api.services.loading import load
from api.settings import Settings
from benchmarks.clients import drive
from engine.artifacts import save_model
from engine.model import Configuration, Head, Model, Unobserved
from engine.movielens import MovieLens

N_FACTORS = 64
_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Service:
    """Web processes, each on a port of its own, on one database."""

    url: str
    ports: list[int]
    key: str
    processes: list[psutil.Process]

    def cpu_seconds(self) -> tuple[float, float]:
        """Processor seconds of the web processes and of the database, until now."""
        web = sum(_cpu_seconds(process) for process in self.processes)
        with psycopg.connect(self.url.replace("+psycopg", "", 1)) as connection:
            parent = psutil.Process(connection.info.backend_pid).parent()
        assert parent is not None  # noqa: S101 - the server itself
        servers = [parent, *parent.children()]
        # What ended backends used is in their parent's account.
        ended = parent.cpu_times()
        database = ended.children_user + ended.children_system
        return web, database + sum(map(_cpu_seconds, servers))


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def database(data_dir: Path) -> Iterator[str]:
    """Start an empty, migrated database in a folder; yield its URL."""
    with own(data_dir), running_server(data_dir) as server:
        migrate(server.url)
        yield server.url


def fill(url: str, folder: Path) -> None:
    """Load a data set in MovieLens's layout."""
    load(url, MovieLens.open(folder), on_progress=lambda *_: None)


@contextmanager
def web(url: str, data_dir: Path, *, first_port: int, n: int = 2) -> Iterator[Service]:
    """Run `n` web processes, with a key that may do anything."""
    settings = Settings(database_url=url, data_dir=data_dir)
    in_session(settings, url, auth.ensure_administrator)
    body = ApiKeyIn(name="benchmark", scopes=["read", "rate", "serve", "admin"])
    key = in_session(
        settings, url, lambda s: auth.create_administrator_key(s, body=body)
    ).key
    shared = data_dir / "metrics"
    shared.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DATA_DIR": str(data_dir),
        "LOG_LEVEL": "WARNING",  # as `cinefold run` has it
        "PROMETHEUS_MULTIPROC_DIR": str(shared),
    }
    ports = list(range(first_port, first_port + n))
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                _ended(
                    subprocess.Popen(
                        [sys.executable, "-m", "api.cli", "serve"],
                        env={**environment, "PORT": str(port)},
                    )
                )
            )
            for port in ports
        ]
        for port in ports:
            _wait_for(port, key)
        yield Service(url, ports, key, [psutil.Process(p.pid) for p in processes])


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, key: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            drive([port], iter([("/health/ready", key)]), seconds=1)
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def publish(url: str, models_dir: Path, model: Model) -> None:
    """Make a model the one that serves."""
    models_dir.mkdir(parents=True, exist_ok=True)
    manifest = save_model(model, models_dir / "benchmark", details={})
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute(
            "INSERT INTO models (folder, manifest, is_active) VALUES (%s, %s, true)",
            ("benchmark", Jsonb(asdict(manifest))),
        )


def untrained_model(url: str, *, rng: np.random.Generator) -> Model:
    """Draw a model of all movies at random: it takes as long as any to serve."""
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        query = "SELECT id FROM movies ORDER BY id"
        ids = np.array([row[0] for row in connection.execute(query)], dtype=np.int64)
    return Model(
        item_ids=ids,
        item_counts=np.ones(len(ids), dtype=np.int32),
        rating=_head(len(ids), rng=rng),
        ranking=_head(len(ids), rng=rng, unobserved_weight=0.05),
        n_users=1000,
        n_ratings=100_000,
        rating_range=(0.5, 5.0),
    )


def _head(
    n_items: int, *, rng: np.random.Generator, unobserved_weight: float = 0.0
) -> Head:
    configuration = Configuration(
        n_factors=N_FACTORS, n_sweeps=1, user_weight=5, item_weight=5,
        user_bias_weight=5, item_bias_weight=5, unobserved_weight=unobserved_weight,
    )  # fmt: skip
    factors = 0.1 * rng.standard_normal((n_items, N_FACTORS), dtype=np.float32)
    biases = 0.3 * rng.standard_normal(n_items, dtype=np.float32)
    z = np.ones((n_items, N_FACTORS + 1))
    z[:, :-1] = factors
    unobserved = Unobserved(z.T @ z, -z.T @ biases.astype(np.float64))
    return Head(
        configuration,
        0.0 if unobserved_weight else 3.5,
        biases,
        factors,
        0.5,
        unobserved,
    )
