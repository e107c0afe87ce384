"""A killed import leaves all of its rows or none, and a repetition the whole (F3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from api.fault_points import VARIABLE
from api.web.security import token_hash
from tests.conftest import create_database
from tests.service import Process, free_port, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

USER = 1  # of the sample, with 20 ratings
MOVIE_IDS = range(100, 105)
FILE = "movie_id,rating\n" + "".join(f"{i},4.5\n" for i in MOVIE_IDS)
POINTS = {"import matched": 0, "import stored": 0, "act committed": 5}
KEY = "cinefold_of_this_test"


@contextmanager
def serving(url: str, folder: Path, **environment: str) -> Iterator[httpx.Client]:
    """Run a web process on a database and talk to it."""
    port = free_port()
    process = Process(
        "serve",
        log=folder / "serve.log",
        DATABASE_URL=url,
        DATA_DIR=str(folder),
        PORT=str(port),
        **environment,
    )
    headers = {"authorization": f"Bearer {KEY}"}
    base_url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
            wait_for(lambda: is_live(client), seconds=60, what="live")
            yield client
    finally:
        process.process.kill()
        process.process.wait()


def is_live(client: httpx.Client) -> bool:
    """Whether the process answers."""
    try:
        return client.get("/health/live").is_success
    except httpx.TransportError:
        return False


def stored(url: str) -> dict[int, float]:
    """Read which of the file's ratings are stored, and as what."""
    query = (
        "SELECT movie_id, value FROM ratings WHERE user_id = %s AND movie_id = ANY(%s)"
    )
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        return dict(connection.execute(query, (USER, list(MOVIE_IDS))).fetchall())


def add_key(url: str) -> None:
    """Give an administrator a key that may act for anybody."""
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute(
            "WITH owner AS (INSERT INTO users (username, password_hash, is_admin)"
            " VALUES ('root', 'x', true) RETURNING id)"
            " INSERT INTO api_keys (user_id, name, prefix, key_hash, scopes)"
            " SELECT id, 'test', 'cinefold_', %s, '{serve}' FROM owner",
            (token_hash(KEY),),
        )


def send(client: httpx.Client) -> httpx.Response:
    """Import the file under one key."""
    headers = {"content-type": "text/csv", "idempotency-key": "once"}
    return client.post(f"/ratings/{USER}/import", content=FILE, headers=headers)


def test_an_import_that_is_killed_is_whole_or_not_there(server, template, tmp_path):
    for point, n_stored in POINTS.items():
        url = create_database(server, "cinefold_import", template=template)
        add_key(url)
        with serving(url, tmp_path, **{VARIABLE: point}) as client:
            with pytest.raises(httpx.TransportError):
                send(client)
            wait_for(lambda: not is_live(client), seconds=10, what="dead")
        after = stored(url)

        with serving(url, tmp_path) as client:
            first, second = send(client), send(client)

        assert len(after) == n_stored, point
        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()
        assert first.json()["n_added"] == len(MOVIE_IDS)
        assert stored(url) == dict.fromkeys(MOVIE_IDS, 4.5)
