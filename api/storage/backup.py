"""Backup and restore: one file with the database as of one moment and its models.

Dump and restore are PostgreSQL's own tools, which come with the embedded server.
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

from api.storage.embedded_postgres import NEWEST_TOOLS
from engine.errors import DataError

logger = logging.getLogger(__name__)

DUMP = "database.dump"
MODELS = "models"


def back_up(url: str, models_dir: Path, target: Path) -> None:
    """Write a backup; it appears under its name when it is complete.

    Raises `DataError` if the file exists or the dump fails.
    """
    if target.exists():
        raise DataError(f"{target} exists; name another file")
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
    """Fill an empty database, all of it or nothing, and put the models beside it.

    Raises `DataError` if the database is not empty or the file is no backup.
    """
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        if connection.execute(query).fetchone() != (0,):
            raise DataError(
                "the database is not empty; restore into a new one: "
                "set DATA_DIR or DATABASE_URL"
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
    """Unpack what a backup holds; the filter refuses links and paths out of it."""
    try:
        with tarfile.open(source, "r:") as tar:
            tar.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{source} is no backup: {error}") from error
    if not Path(folder, DUMP).is_file():
        raise DataError(f"{source} is no backup: there is no {DUMP} in it")


def _model_folders(url: str) -> AbstractSet[str]:
    """List the folders of published models, by their plain names."""
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        rows = connection.execute("SELECT folder FROM models").fetchall()
    return {name for (name,) in rows if name == Path(name).name}


def _run(tool: str, url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's tools; the password goes where no process list shows."""
    conninfo, password = without_password(url)
    completed = subprocess.run(  # noqa: S603 - the wheel's own tool
        [NEWEST_TOOLS / tool, f"--dbname={conninfo}", *arguments],
        env={**os.environ, **password},
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        raise DataError(f"{tool}: {completed.stderr.strip() or 'failed'}")


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL into a connection string for all to see, and the environment."""
    parts = conninfo_to_dict(url.replace("+psycopg", "", 1))
    password = parts.pop("password", None)
    return make_conninfo("", **parts), {"PGPASSWORD": str(password)} if password else {}
