"""Backup and restore: one file with a consistent database and its models.

PostgreSQL's own tools dump and restore; they come with the embedded server.
"""

import logging
import os
import subprocess
import tarfile
from collections.abc import Set as AbstractSet
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.settings import OperatorError, libpq_url
from api.storage.embedded_postgres import NEWEST_TOOLS

logger = logging.getLogger(__name__)

DUMP = "database.dump"
MODELS = "models"


def back_up(url: str, models_dir: Path, target: Path) -> None:
    """Write a backup; the file appears under its name once it is complete.

    Raises `OperatorError` if the file exists or the dump fails.
    """
    if target.exists():
        raise OperatorError(f"{target} exists. Name another file.")
    with TemporaryDirectory(dir=target.absolute().parent, prefix=".backup-") as folder:
        dump, archive = Path(folder, DUMP), Path(folder, "archive")
        _run("pg_dump", url, "--format=custom", f"--file={dump}")
        archive.touch(mode=0o600, exist_ok=False)
        with archive.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                tar.add(dump, DUMP)
                for name in sorted(_model_folders(url)):
                    if (models_dir / name).is_dir():
                        tar.add(models_dir / name, f"{MODELS}/{name}")
            file.flush()
            os.fsync(file.fileno())
        archive.rename(target)


def restore(url: str, models_dir: Path, source: Path) -> None:
    """Restore database and models into an empty database, completely or not at all.

    Raises `OperatorError` if the database is not empty or the file is not a backup.
    """
    with psycopg.connect(libpq_url(url)) as connection:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        if connection.execute(query).fetchone() != (0,):
            raise OperatorError(
                "The database is not empty. Set DATA_DIR or DATABASE_URL "
                "to restore into a new one."
            )
    models_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=models_dir.absolute().parent) as folder:
        _unpack(source, Path(folder))
        _run(
            "pg_restore",
            url,
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            str(Path(folder, DUMP)),
        )
        for name in _model_folders(url):
            unpacked = Path(folder, MODELS, name)
            if unpacked.is_dir() and not (models_dir / name).exists():
                unpacked.rename(models_dir / name)


def _unpack(source: Path, folder: Path) -> None:
    """Unpack a backup; the filter refuses links and paths outside of the folder."""
    try:
        with tarfile.open(source, "r:") as tar:
            tar.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise OperatorError(f"{source} is not a backup: {error}") from error
    if not Path(folder, DUMP).is_file():
        raise OperatorError(f"{source} is not a backup: it does not contain {DUMP}")


def _model_folders(url: str) -> AbstractSet[str]:
    """List the folder names of published models."""
    with psycopg.connect(libpq_url(url)) as connection:
        rows = connection.execute("SELECT folder FROM models").fetchall()
    return {name for (name,) in rows if name == Path(name).name}


def _run(tool: str, url: str, *arguments: str) -> None:
    """Run a tool of PostgreSQL's; pass the password where process lists hide it."""
    conninfo, password = without_password(url)
    completed = subprocess.run(  # noqa: S603 - the wheel's own tool
        [NEWEST_TOOLS / tool, f"--dbname={conninfo}", *arguments],
        env={**os.environ, **password},
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        raise OperatorError(f"{tool}: {completed.stderr.strip() or 'failed'}")


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL into a connection string and an environment with the password."""
    parts = conninfo_to_dict(libpq_url(url))
    password = parts.pop("password", None)
    return make_conninfo("", **parts), {"PGPASSWORD": str(password)} if password else {}
