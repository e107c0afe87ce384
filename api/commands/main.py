"""The command line: `cinefold run` starts everything; operators use the rest."""

import asyncio
import errno
import gc
import json
import socket
import sys
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import psycopg
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import OperationalError

from api.clients import tmdb
from api.commands import admin, measure
from api.commands.supervisor import (
    Child,
    Mortal,
    end_with_stdin,
    interruptible,
    supervised,
    watch,
)
from api.main import create_app
from api.queries import training as training_queries
from api.schemas.training import TrainingRunIn
from api.services import auth, doctor, models, training
from api.services.loading import SAMPLE
from api.services.loading import load as load_dataset
from api.settings import OperatorError, Settings
from api.storage import database, embedded_postgres
from api.storage.database import in_session
from api.storage.embedded_postgres import reach_database
from api.telemetry import observability
from api.web.openapi import document
from api.web.problems import Problem
from api.web.server import Server
from engine.data.movielens import MovieLens
from engine.errors import ArtifactError, EngineError
from engine.model.files import load_model

# The first page should not wait for an evaluation.
FIRST_RUN = TrainingRunIn(evaluate="later")
# Requests share the processors: one matrix product on all of them delays the others.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
console = Console(stderr=True)
FORESEEN = (
    EngineError,
    Problem,
    OperatorError,
    tmdb.RefusedError,
)
DATABASE_REMEDY = "Start it, or correct DATABASE_URL."
DISK_FAULTS = {errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS}
DISK_REMEDY = "Free some space there, or choose a folder that this user may write to."
app = typer.Typer(
    help="Cinefold, a self-hosted recommender service for explicit ratings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(admin.user_app, name="user")
app.add_typer(admin.key_app, name="key")
app.command("models")(admin.list_models)
app.command("backup")(admin.back_up)
app.command("restore")(admin.restore)
app.command("doctor")(admin.examine)
app.command("enrich")(admin.enrich)
app.add_typer(measure.app)

EndWithStdin = Annotated[bool, typer.Option("--end-with-stdin", hidden=True)]


def main() -> None:
    """Run the command line; print expected failures as one line, without traceback."""
    try:
        app()
    except FORESEEN as error:
        fail(str(error))
    except (OperationalError, psycopg.OperationalError) as error:
        fail(f"The database does not work: {reason_of(error)}. {DATABASE_REMEDY}")
    except OSError as error:
        if error.errno not in DISK_FAULTS or error.filename is None:
            raise
        fail(f"Cannot write {error.filename}: {error.strerror}. {DISK_REMEDY}")
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(map(str, fault["loc"])).upper()
            console.print(f"[red]{name}[/]: {fault['msg']}")
        sys.exit(2)


def fail(sentence: str) -> NoReturn:
    """Print why the command ends."""
    console.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)


def reason_of(error: Exception) -> str:
    """Return the last line of what a database driver says, without its advice."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


@app.callback()
def set_up_logging() -> None:
    """Log to standard error at the configured level."""
    observability.configure_logging(Settings().log_level)


@app.command()
def run() -> None:
    """Start everything: database, worker and web server; Ctrl-C ends it."""
    settings = Settings()
    with (
        embedded_postgres.own(settings.data_dir),
        interruptible(),
        ExitStack() as stack,
    ):
        mortals: list[Mortal] = []
        url = settings.database_url
        if url is None:
            embedded = embedded_postgres.running_server(settings.data_dir)
            server = stack.enter_context(embedded)
            mortals.append(server)
            url = server.url
        listener = stack.enter_context(listen(settings))
        children = stack.enter_context(supervised())
        start(settings, url, listener, children)
        watch([*mortals, *children])
    console.print("Stopped.")


def start(
    settings: Settings, url: str, listener: socket.socket, children: list[Child]
) -> None:
    """Prepare the database, then start worker and web processes."""
    require_durability(settings, url)
    database.migrate(url)
    if not in_session(settings, url, training_queries.has_movies):
        load_with_progress(url, SAMPLE)
    children.append(Child("worker", url=url))
    model = in_session(settings, url, training_queries.active_model)
    if model is None:
        train_with_progress(settings, url, FIRST_RUN)
    else:
        replace_unreadable(settings, url, model.folder)
    number = listener.fileno()
    shared = observability.shared_folder(settings)
    for _ in range(settings.web_processes):
        arguments = "serve", "--socket", str(number)
        children.append(
            Child(*arguments, url=url, inherited=[number], **ONE_THREAD, **shared)
        )
    administrator = in_session(settings, url, auth.ensure_administrator)
    wait_until_ready(settings)
    greet(settings, administrator)


def replace_unreadable(settings: Settings, url: str, folder: str) -> None:
    """Retrain if the live model is gone, damaged or of an older format."""
    try:
        load_model(settings.models_dir / folder)
    except ArtifactError as error:
        console.print(
            f"{error}\nA new model is in training; lists show popular movies.",
            markup=False,
        )
        request = partial(
            training.request_unless_waiting, body=FIRST_RUN, pause=timedelta(0)
        )
        in_session(settings, url, request)


def require_durability(settings: Settings, url: str) -> None:
    """Refuse to start on an unsafe database; an unreachable one is checked later."""
    with suppress(OperationalError):
        in_session(settings, url, lambda s: doctor.require_durability(s, settings))


def listen(settings: Settings) -> socket.socket:
    """Take the port before any work, so that a busy port is reported at once."""
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=2048)
    except OSError as error:
        raise OperatorError(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). "
            "Set PORT to another port."
        ) from error
    # Connections inherit the option. asyncio sets it only on its own sockets; on an
    # inherited one the body of a reply waits 40 ms until its head is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def wait_until_ready(settings: Settings) -> None:
    """Wait until a web process answers on the listening socket."""
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104 - no bind
    request = (
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((host, settings.port)) as connection:
        connection.sendall(request)
        connection.recv(1)


def greet(settings: Settings, administrator: tuple[str, str] | None) -> None:
    """Print the address and, the first time, how to sign in."""
    console.print(f"\n[bold]Cinefold is ready:[/] {settings.url}")
    if administrator is not None:
        username, password = administrator
        console.print(f"  administrator: [bold]{username}[/]")
        console.print(f"  one-time password: [bold]{password}[/]")
    console.print("  Ctrl-C stops it.\n")


@app.command()
def serve(
    socket_number: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
    end_with_parent: EndWithStdin = False,
) -> None:
    """Run one web process, for a container or a process manager."""
    if end_with_parent:
        end_with_stdin()
    settings = Settings()
    with reach_database(settings) as url:
        require_durability(settings, url)
        server = Server(
            create_app(settings, url),
            host=settings.host,
            port=settings.port,
            fd=socket_number,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.public_url or settings.trusted_proxies),
            forwarded_allow_ips=settings.believed_proxies,
            timeout_graceful_shutdown=8,
            log_config=None,
            log_level="warning",
        )
        # Everything created so far stays. A search for garbage in it takes 0.1 s, and
        # about every hundredth request would wait for it.
        gc.collect()
        gc.freeze()
        with suppress(KeyboardInterrupt):  # uvicorn raises it again at the end
            server.run()
        if not server.started:
            raise typer.Exit(1)


@app.command()
def worker(end_with_parent: EndWithStdin = False) -> None:
    """Run the training worker."""
    from api.worker import Worker  # noqa: PLC0415 - loads the compiler, the web must not

    if end_with_parent:
        end_with_stdin()
    settings = Settings()
    with reach_database(settings) as url:
        require_durability(settings, url)
        asyncio.run(Worker(settings, url).run())


@app.command()
def setup(
    sample: Annotated[bool, typer.Option(help="load the bundled sample")] = True,
) -> None:
    """Prepare a database: schema, sample data, administrator, first training run."""
    settings = Settings()
    with reach_database(settings) as url:
        require_durability(settings, url)
        database.migrate(url)
        if sample and not in_session(settings, url, training_queries.has_movies):
            load_with_progress(url, SAMPLE)
        model = in_session(settings, url, training_queries.active_model)
        if model is None:
            in_session(settings, url, lambda s: training.request_run(s, FIRST_RUN))
        else:
            replace_unreadable(settings, url, model.folder)
        greet(settings, in_session(settings, url, auth.ensure_administrator))


@app.command()
def migrate() -> None:
    """Bring the database schema up to date."""
    with reach_database(Settings()) as url:
        database.migrate(url)


@app.command()
def load(
    path: Annotated[Path, typer.Argument(help="a MovieLens folder or zip")],
) -> None:
    """Load a data set in the official MovieLens CSV layout."""
    with reach_database(Settings()) as url:
        database.migrate(url)
        load_with_progress(url, path)


def load_with_progress(url: str, path: Path) -> None:
    """Load a data set with a progress bar."""
    dataset = MovieLens.open(path)
    size = dataset.size_of("ratings.csv")
    columns = TextColumn("{task.description:<17}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Loading movies", total=size)

        def show(stage: str, n_bytes: int | None) -> None:
            progress.update(task, description=f"Loading {stage}", completed=n_bytes)

        loaded = load_dataset(url, dataset, on_progress=show)
    console.print(f"{loaded.n_ratings:,} ratings of {loaded.n_movies:,} movies loaded")


@app.command()
def train() -> None:
    """Queue a training run and follow it; a worker must be running."""
    settings = Settings()
    with reach_database(settings) as url:
        train_with_progress(settings, url, TrainingRunIn())


def train_with_progress(settings: Settings, url: str, wanted: TrainingRunIn) -> None:
    """Queue a training run and show its progress until it ends."""
    run_id = in_session(settings, url, lambda s: training.request_run(s, wanted)).id
    columns = TextColumn("{task.description:<17}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        tasks = {
            head: progress.add_task(f"Training {head}", total=None)
            for head in ("rating", "ranking")
        }
        while True:
            detail = in_session(
                settings, url, lambda s: training.read_run(s, run_id=run_id)
            )
            for sweep in detail.sweeps:
                progress.update(
                    tasks[sweep.head], total=sweep.n_sweeps, completed=sweep.sweep
                )
            if detail.status not in training.UNFINISHED:
                break
            time.sleep(0.2)
    if detail.status != "succeeded":
        reason = detail.error or "an administrator cancelled it"
        raise OperatorError(f"Training run {run_id} {detail.status}: {reason}")


@app.command("import-model")
def import_model(
    folder: Annotated[
        Path, typer.Argument(help="a folder with arrays and manifest.json")
    ],
) -> None:
    """Import item factors trained elsewhere; activate them in the app or by the API."""
    settings = Settings()
    with reach_database(settings) as url:
        card = in_session(
            settings,
            url,
            lambda s: models.import_model(s, settings.models_dir, source=folder),
        )
    console.print(f"Model {card.id}: {card.n_items:,} items, not live yet")


@app.command("openapi")
def print_openapi() -> None:
    """Print the OpenAPI document."""
    described = document(create_app(Settings(), "postgresql+psycopg://"))
    print(json.dumps(described, indent=2))  # noqa: T201 - the output of the command


if __name__ == "__main__":
    main()
