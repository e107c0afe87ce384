"""The service as it runs, with a catalog and a model of some size."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    ExitStack,
    contextmanager,
    suppress,
)
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import psycopg
from psycopg.types.json import Jsonb

from api.commands.main import ONE_THREAD
from api.schemas.account import ApiKeyIn
from api.services import auth
from api.services.loading import load
from api.settings import Settings, libpq_url
from api.storage.database import in_session, migrate
from api.storage.embedded_postgres import own, running_server
from api.telemetry.observability import SHARED_FOLDER
from benchmarks import data
from benchmarks.clients import drive
from engine.data.movielens import MovieLens
from engine.model.configuration import RidgeConfig
from engine.model.files import save_model
from engine.model.heads import Head, Model, RidgeHead, Unobserved

N_FACTORS = 64
_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Service:
    """Web processes, each on a port of its own, on one database."""

    url: str
    ports: Sequence[int]
    key: str
    processes: Sequence[psutil.Process]

    def cpu_seconds(self) -> tuple[float, float]:
        """Processor seconds of the web processes and of the database, until now."""
        web = sum(_cpu_seconds(process) for process in self.processes)
        with psycopg.connect(libpq_url(self.url)) as connection:
            parent = psutil.Process(connection.info.backend_pid).parent()
        assert parent is not None  # noqa: S101 - the server itself
        # What ended backends used is in their parent's account.
        ended = parent.cpu_times()
        database = ended.children_user + ended.children_system
        for server in (parent, *parent.children()):
            with suppress(psutil.NoSuchProcess):
                database += _cpu_seconds(server)
        return web, database


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def running(size: str, *, n_movies: int, first_port: int) -> Iterator[Service]:
    """Run two web processes on ratings and a random model, both made the first time."""
    data_dir = data.CACHE / f"service-{size}"
    with own(data_dir), running_server(data_dir) as server:
        migrate(server.url)
        if not (data_dir / "models").exists():
            _fill(server.url, size, n_movies=n_movies)
            _publish(server.url, data_dir / "models")
        ports = [first_port, first_port + 1]
        with serving(server.url, data_dir, ports) as service:
            yield service


@contextmanager
def serving(url: str, data_dir: Path, ports: Sequence[int]) -> Iterator[Service]:
    """Run a web process on each port, on a database that has all it needs."""
    with _key(url, data_dir) as key, ExitStack() as stack:
        processes = [stack.enter_context(_web(url, data_dir, port)) for port in ports]
        for port in ports:
            _wait_for(port, key)
        yield Service(url, ports, key, processes)


def _fill(url: str, size: str, *, n_movies: int) -> None:
    with TemporaryDirectory() as folder:
        data.write_movielens(Path(folder), size, n_movies=n_movies)
        load(url, MovieLens.open(Path(folder)), on_progress=lambda *_: None)
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # as the server itself does before long


@contextmanager
def _key(url: str, data_dir: Path) -> Iterator[str]:
    """Make an API key that may act for any user, and revoke it at the end."""
    settings = Settings(database_url=url, data_dir=data_dir)
    in_session(settings, url, auth.ensure_administrator)
    body = ApiKeyIn(name="benchmark", scopes=["serve"])
    made = in_session(
        settings, url, lambda s: auth.create_administrator_key(s, body=body)
    )
    yield made.key
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("DELETE FROM api_keys WHERE id = %s", (made.id,))


@contextmanager
def command(
    *arguments: str, url: str, data_dir: Path, **environment: str
) -> Iterator[psutil.Popen]:
    """Run a command of `cinefold`, and end it at the end."""
    variables = {
        **os.environ,
        "DATABASE_URL": url,
        "DATA_DIR": str(data_dir),
        "LOG_LEVEL": "WARNING",
        **environment,
    }
    program = [sys.executable, "-m", "api.commands.main", *arguments]
    with psutil.Popen(program, env=variables) as process:
        try:
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):  # it has ended by itself
                process.terminate()


def _web(url: str, data_dir: Path, port: int) -> AbstractContextManager[psutil.Popen]:
    """Run one web process as `cinefold run` does with several of them."""
    shared = data_dir / "metrics"
    shared.mkdir(exist_ok=True)
    environment = {"PORT": str(port), SHARED_FOLDER: str(shared), **ONE_THREAD}
    return command("serve", url=url, data_dir=data_dir, **environment)


def _wait_for(port: int, key: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            drive([port], iter(["/health/ready"]), key=key, seconds=1)
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _publish(url: str, models_dir: Path) -> None:
    """Make a random model of all movies, and make it live.

    It takes as long as a trained one of its size, and is there at once.
    """
    with psycopg.connect(libpq_url(url)) as connection:
        rows = connection.execute("SELECT id FROM movies ORDER BY id").fetchall()
        model = _untrained(np.array(rows).ravel(), rng=np.random.default_rng(0))
        models_dir.mkdir()
        manifest = save_model(model, models_dir / "benchmark", details={})
        connection.execute(
            "INSERT INTO models (folder, manifest, is_active) VALUES (%s, %s, true)",
            ("benchmark", Jsonb(asdict(manifest))),
        )


def _untrained(item_ids: data.Vector, *, rng: np.random.Generator) -> Model:
    n_items = len(item_ids)
    return Model(
        item_ids=item_ids,
        item_counts=np.ones(n_items, dtype=np.int32),
        rating=_head(n_items, rng=rng),
        ranking=_head(n_items, rng=rng, unobserved_weight=0.05),
        n_users=1000,
        n_ratings=100_000,
        rating_range=(0.5, 5.0),
    )


def _head(
    n_items: int, *, rng: np.random.Generator, unobserved_weight: float = 0.0
) -> Head:
    configuration = RidgeConfig(
        n_factors=N_FACTORS, n_sweeps=1, user_weight=5, item_weight=5,
        user_bias_weight=5, item_bias_weight=5, unobserved_weight=unobserved_weight,
    )  # fmt: skip
    factors = 0.1 * rng.standard_normal((n_items, N_FACTORS), dtype=np.float32)
    biases = 0.3 * rng.standard_normal(n_items, dtype=np.float32)
    z = np.ones((n_items, N_FACTORS + 1))
    z[:, :-1] = factors
    return RidgeHead(
        configuration,
        0.0 if unobserved_weight else 3.5,
        biases,
        factors,
        0.5,
        Unobserved(z.T @ z, -z.T @ biases.astype(np.float64)),
    )
