"""The embedded PostgreSQL: any folder, nobody else's processes, no wider rights."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest

from api.settings import OperatorError, libpq_url
from api.storage.embedded_postgres import (
    EmbeddedPostgresError,
    Server,
    own,
    running_server,
    server_url,
)

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")


def ask(url: str, query: str) -> tuple[object, ...]:
    with psycopg.connect(libpq_url(url)) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row


def as_superuser(url: str) -> str:
    return libpq_url(url).replace("//cinefold@", "//postgres@")


def socket_of(url: str) -> Path:
    (folder,) = parse_qs(urlsplit(url).query)["host"]
    return Path(folder) / ".s.PGSQL.5432"


@pytest.mark.parametrize(
    "name",
    ["my films", "R&B; 'x' (1)", "$HOME,`id`", 'Zoë "best" #1', "l" * 120],
    ids=["space", "shell", "comma", "quotes", "long"],
)
def test_any_name_of_the_data_folder_works(tmp_path, name):
    data_dir = tmp_path / name

    with server_url(data_dir) as url:
        assert ask(url, "SELECT 1") == (1,)
        assert stat.S_IMODE(socket_of(url).parent.stat().st_mode) & 0o007 == 0
        with server_url(data_dir) as again:  # another process would find it so
            assert again == url


def test_the_service_owns_its_database_and_no_more(tmp_path):
    with server_url(tmp_path / "data") as url:
        rights = ask(
            url,
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls "
            "FROM pg_roles WHERE rolname = current_user",
        )
        assert rights == (False,) * 5
        for forbidden in ("SELECT pg_read_file('PG_VERSION')", "CREATE DATABASE other"):
            with (
                psycopg.connect(libpq_url(url), autocommit=True) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(forbidden.encode())
        ask(url, "SELECT 1 FROM pg_database WHERE datdba = current_user::regrole")


@as_root
def test_no_other_user_reaches_the_socket(tmp_path):
    data_dir = tmp_path / ("l" * 120)  # so the socket lies in the temporary folder
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    with server_url(data_dir) as url:
        path = str(socket_of(url))
        assert exit_code_as(NOBODY, path) == 1
        assert exit_code_as(0, path) == 0


def exit_code_as(user: int, path: str) -> int:
    """Try to connect as another user, in a process of its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setuid(user)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@as_root
def test_closed_folders_stay_closed_to_everybody_but_the_server(tmp_path):
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(mode=0o700, parents=True)
    closed.chmod(0o700)

    with server_url(closed / "inner" / "data") as url:
        assert ask(url, "SELECT 1") == (1,)

    for folder in (closed, closed / "inner", closed / "inner" / "data"):
        assert exit_code_as(NOBODY, str(folder)) == 1
        mode = folder.stat().st_mode
        assert mode & 0o067 == 0
        assert folder.stat().st_uid == 0
    packed = os.getxattr(closed, "system.posix_acl_access")
    assert len(packed) == 4 + 5 * 8  # owner, one user, group, mask, others


@as_root
def test_a_file_system_without_access_lists_is_named(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse)

    with (
        pytest.raises(OperatorError, match=r"cannot pass .*closed.*chmod o\+x"),
        server_url(closed / "data"),
    ):
        pass


@pytest.mark.parametrize(
    "content", ["{pid}\n{folder}\n1\n5432\n\n\n\nready\n", "", "x"]
)
def test_a_file_left_behind_signals_nobody_and_holds_nothing_up(tmp_path, content):
    """The number of the old server now belongs to another process, or is missing."""
    data_dir = tmp_path / "data"
    with server_url(data_dir) as url:
        ask(url, "SELECT 1")
    left = data_dir / "postgres" / "postmaster.pid"
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    ) as other:
        left.write_text(content.format(pid=other.pid, folder=data_dir / "postgres"))
        began = time.monotonic()

        with server_url(data_dir) as url:
            assert ask(url, "SELECT 1") == (1,)

        assert time.monotonic() - began < 10
        assert other.poll() is None
        other.kill()


def test_a_server_left_running_is_taken_over_and_stopped(tmp_path):
    data_dir = tmp_path / "data"
    with own(data_dir):
        first = Server(data_dir)
        second = Server(data_dir)  # as after `kill -9` of the first owner
        assert ask(second.url, "SELECT 1") == (1,)
        second.stop()
        assert first._child is not None  # noqa: SLF001 - only to reap it
        assert first._child.wait(10) == 0  # noqa: SLF001


def test_a_killed_server_is_started_again_with_all_commits(tmp_path):
    with own(tmp_path / "data"), running_server(tmp_path / "data") as server:
        with psycopg.connect(libpq_url(server.url), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        postmaster = psutil.Process(_postmaster(server))
        postmaster.send_signal(signal.SIGKILL)
        postmaster.wait(10)

        server.keep_alive()

        assert ask(server.url, "SELECT n FROM kept") == (7,)


def _postmaster(server: Server) -> int:
    (folder,) = ask(as_superuser(server.url), "SHOW data_directory")
    return int((Path(str(folder)) / "postmaster.pid").read_text().split()[0])


def test_what_an_earlier_version_made_belongs_to_the_service(tmp_path):
    """Earlier versions were the superuser of their own server."""
    data_dir = tmp_path / "data"
    with (
        server_url(data_dir) as url,
        psycopg.connect(as_superuser(url), autocommit=True) as connection,
    ):
        for command in (
            "ALTER DATABASE postgres OWNER TO postgres",
            "ALTER SCHEMA public OWNER TO pg_database_owner",
            "CREATE TYPE mood AS ENUM ('good')",
            "CREATE TABLE films (id serial PRIMARY KEY, mood mood)",
            "INSERT INTO films DEFAULT VALUES",
            "CREATE VIEW seen AS SELECT * FROM films",
            "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ):
            connection.execute(command.encode())

    with (
        server_url(data_dir) as url,
        psycopg.connect(libpq_url(url), autocommit=True) as connection,
    ):
        for command in (
            "ALTER TABLE films ADD COLUMN title text",
            "INSERT INTO films (title) VALUES ('Alien')",
            "ALTER TYPE mood ADD VALUE 'bad'",
            "DROP VIEW seen",
            "DROP FUNCTION one()",
        ):
            connection.execute(command.encode())
        found = connection.execute("SELECT count(*), max(id) FROM films").fetchone()
        assert found == (2, 2)


def test_the_folder_and_its_lock_are_closed_to_others(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o755)
    (data_dir / "lock").touch(mode=0o666)

    with own(data_dir):
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "lock").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_named():
    with (
        pytest.raises(OperatorError, match=r"Cannot write to /proc/data .*DATA_DIR"),
        own(Path("/proc/data")),
    ):
        pass


def test_a_server_that_does_not_start_says_why_within_ten_seconds(tmp_path):
    data_dir = tmp_path / "data"
    with server_url(data_dir):
        pass
    with (data_dir / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_option = 1\n")
    began = time.monotonic()

    with (
        pytest.raises(EmbeddedPostgresError, match="contains errors"),
        server_url(data_dir),
    ):
        pass

    assert time.monotonic() - began < 10


def test_a_database_of_an_unknown_version_is_named(tmp_path):
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "PG_VERSION").write_text("99\n")

    with (
        pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 99"),
        server_url(tmp_path),
    ):
        pass


def test_an_occupied_socket_folder_is_refused(tmp_path):
    data_dir = tmp_path / ("l" * 120)
    with server_url(data_dir) as url:
        private = socket_of(url).parent
    private.rmdir()
    private.symlink_to(tmp_path)

    try:
        with (
            pytest.raises(OperatorError, match="belongs to somebody else"),
            server_url(data_dir),
        ):
            pass
    finally:
        private.unlink()
