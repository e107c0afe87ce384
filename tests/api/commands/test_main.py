"""The command line, where it is no process of its own."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time

import psycopg
import pytest

from api.commands.main import listen, replace_unreadable
from api.settings import OperatorError, Settings, libpq_url
from api.storage.database import head_revision, knows_revision, migrate
from tests.conftest import create_database
from tests.service import free_port


def test_replies_on_the_listening_socket_are_sent_at_once():
    """Without it the second part of a reply waits for the receipt of the first."""
    with (
        listen(Settings(port=free_port())) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


FAULTS = pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"DATABASE_URL": "postgresql://cinefold@127.0.0.1:1/cinefold"},
            "The database does not work: connection .* Start it",
        ),
        ({"DATA_DIR": "/proc/cinefold"}, "Cannot write to /proc/cinefold .* DATA_DIR"),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES: .* 172.16.0.0/12"),
    ],
    ids=["unreachable", "read-only", "proxies"],
)


@FAULTS
@pytest.mark.parametrize("command", ["run", "migrate", "doctor", "models", "serve"])
def test_a_command_that_cannot_start_says_why_in_one_sentence(
    command, environment, sentence, tmp_path
):
    if command in {"run", "serve", "doctor"} and "DATABASE_URL" in environment:
        pytest.skip("these wait for the database, or report it")
    settings = {"DATA_DIR": str(tmp_path / "data"), **environment}
    began = time.monotonic()

    ended = subprocess.run(
        [sys.executable, "-m", "api.commands.main", command],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert ended.returncode in {1, 2}
    assert "Traceback" not in ended.stderr
    assert re.search(sentence, ended.stderr)
    assert time.monotonic() - began < 10


def test_a_database_of_a_newer_version_is_named(server):
    url = create_database(server, "cinefold_newer")
    migrate(url)
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(OperatorError, match=f"newest schema .* {head_revision()}"):
        migrate(url)
    assert not knows_revision("9999")
    assert knows_revision(str(head_revision()))


def test_a_proxy_elsewhere_is_believed_where_it_is_trusted():
    trusting = Settings.model_validate({"trusted_proxies": "10.0.0.0/8, 192.168.1.2"})

    assert trusting.believed_proxies == ["10.0.0.0/8", "192.168.1.2/32"]
    assert Settings().believed_proxies == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("fault", ["gone", "corrupt"])
def test_a_live_model_that_cannot_be_used_is_trained_anew(
    server, template, models_dir, tmp_path, fault
):
    url = create_database(server, f"cinefold_{fault}", template=template)
    if fault == "corrupt":
        shutil.copytree(models_dir / "first", tmp_path / "models" / "first")
        array = tmp_path / "models" / "first" / "item_ids.npy"
        content = array.read_bytes()
        array.unlink()
        array.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(
            "INSERT INTO training_runs (parameters, status, finished_at) "
            "VALUES ('{}', 'failed', now())"
        )

    replace_unreadable(Settings(data_dir=tmp_path), url, "first")

    with psycopg.connect(libpq_url(url)) as connection:
        found = connection.execute("SELECT status FROM training_runs ORDER BY id")
        assert [row[0] for row in found] == ["failed", "queued"]
