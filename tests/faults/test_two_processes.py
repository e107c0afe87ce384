"""What one web process was told, every other knows (A7, C7).

`CONSISTENCY_ROUNDS` is how often a rating is followed by a list of the other process.
Of 10,000 times (11 minutes) the movie was absent 10,000.
"""

import os
import random
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import httpx
import pytest

from api.storage.embedded_postgres import running_server
from tests.conftest import PASSWORD
from tests.service import Process, free_port, wait_for

N_ROUNDS = int(os.environ.get("CONSISTENCY_ROUNDS", "60"))
MOST_RATED = 50  # so that there is always something left to recommend

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120 + N_ROUNDS)]

User = tuple[httpx.Client, httpx.Client]


@pytest.fixture(scope="module")
def urls(prepared, tmp_path_factory) -> Iterator[tuple[str, str]]:
    """Two web processes of one database, a copy: what is sent here changes it."""
    folder = tmp_path_factory.mktemp("two")
    data_dir = folder / "data"
    subprocess.run(["/bin/cp", "--archive", prepared, data_dir], check=True)
    with running_server(data_dir) as server, ExitStack() as stack:
        addresses = []
        for n in range(2):
            port = free_port()
            web = Process(
                "serve",
                log=folder / f"{n}.log",
                DATABASE_URL=server.url,
                DATA_DIR=str(data_dir),
                PORT=str(port),
            )
            stack.callback(web.end)
            addresses.append(f"http://127.0.0.1:{port}")
        for address in addresses:
            wait_for(partial(is_ready, address), seconds=60, what=address)
        yield addresses[0], addresses[1]


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready").json()["model"] is not None
    except httpx.HTTPError:
        return False


@pytest.fixture
def user(urls, request) -> Iterator[User]:
    """Somebody who registered with one process, and a copy of their cookie."""
    here, there = (
        httpx.Client(base_url=url, headers={"origin": url}, timeout=10) for url in urls
    )
    with here, there:
        name = request.node.name[:30]
        credentials = {"username": name, "password": PASSWORD}
        reply = here.post("/auth/register", json=credentials)
        assert reply.status_code == 201, reply.text
        there.cookies.update(here.cookies)
        yield here, there


def test_a_movie_just_rated_is_not_recommended_by_another_process(user):
    here, there = user
    user_id = here.get("/me").json()["id"]
    pick = random.Random(7)
    rated: deque[int] = deque()
    n_absent = 0

    for _ in range(N_ROUNDS):
        writer, reader = (here, there) if pick.random() < 0.5 else (there, here)
        listed = reader.get(f"/recommendations/{user_id}?limit=20").json()["items"]
        movie_id = pick.choice(listed)["movie"]["id"]
        value = pick.randint(1, 10) / 2
        reply = writer.put(f"/ratings/{user_id}/{movie_id}", json={"value": value})
        assert reply.status_code == 200, reply.text
        after = reader.get(f"/recommendations/{user_id}?limit=20").json()
        shown = {item["movie"]["id"] for item in after["items"]}
        assert after["model"] is not None
        assert len(shown) == 20
        n_absent += movie_id not in shown
        rated.append(movie_id)
        if len(rated) > MOST_RATED:
            assert writer.delete(f"/ratings/{user_id}/{rated.popleft()}").is_success

    assert n_absent == N_ROUNDS


def test_who_signs_out_of_one_process_is_out_of_all(user):
    here, there = user
    assert there.get("/me").status_code == 200

    assert here.delete("/auth/session").status_code == 204

    assert there.get("/me").status_code == 401


def test_a_new_password_ends_the_sessions_of_all_processes(user):
    here, there = user
    change = {"current_password": PASSWORD, "new_password": "another long one"}
    assert there.get("/me").status_code == 200

    assert here.put("/me/password", json=change).status_code == 204

    assert there.get("/me").status_code == 401
    assert here.get("/me").status_code == 200
