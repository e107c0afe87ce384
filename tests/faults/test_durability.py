"""An acknowledged rating survives the death of any process (D1, F1)."""

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.service import Service, running, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

N_CLIENTS = 4
N_ROUNDS = 5
FIRST_USER = 1  # clients rate as users 1, 2, … of the sample


class Rater(threading.Thread):
    """Rates movies one after another; logs each acknowledgement before the next."""

    def __init__(self, url: str, key: str, user_id: int, log: Path) -> None:
        super().__init__()
        self.client = httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=5
        )
        self.user_id = user_id
        self.log = log.open("a")
        self.random = random.Random(user_id)
        self.sent: dict[int, set[float]] = {}
        self.is_over = threading.Event()

    def run(self) -> None:
        """Rate until told to stop; a broken connection is a reason to go on."""
        with self.client, self.log:
            while not self.is_over.is_set():
                movie_id = self.random.choice((1, 2, 3, 4, 5, 6, 7, 9, 10))
                value = self.random.randint(1, 10) / 2
                self.sent.setdefault(movie_id, set()).add(value)
                self._rate(movie_id, value)

    def _rate(self, movie_id: int, value: float) -> None:
        self.log.write(f"sent {movie_id} {value}\n")
        try:
            reply = self.client.put(
                f"/ratings/{self.user_id}/{movie_id}", json={"value": value}
            )
        except httpx.HTTPError:
            time.sleep(0.05)
            return
        if reply.is_success:
            self.log.write(f"acknowledged {movie_id} {value}\n")
            self.log.flush()
            os.fsync(self.log.fileno())
        else:
            assert reply.status_code == 503, reply.text


@contextmanager
def rating(service: Service, key: str, folder: Path) -> Iterator[list[Rater]]:
    """Several clients rating at once."""
    raters = [
        Rater(service.url, key, FIRST_USER + n, folder / f"client{n}.log")
        for n in range(N_CLIENTS)
    ]
    for rater in raters:
        rater.start()
    try:
        yield raters
    finally:
        for rater in raters:
            rater.is_over.set()
        for rater in raters:
            rater.join()


def possible_values(log: Path) -> dict[int, set[float]]:
    """Replay a client's log: what may be stored now for each movie.

    After an acknowledgement exactly that value; a value sent later without one may
    have been stored or not.
    """
    possible: dict[int, set[float]] = {}
    for line in log.read_text().splitlines():
        event, movie_id, value = line.split()
        if event == "acknowledged":
            possible[int(movie_id)] = {float(value)}
        elif int(movie_id) in possible:
            possible[int(movie_id)].add(float(value))
    return possible


def stored(service: Service, key: str, user_id: int) -> dict[int, float]:
    """Read all of a user's ratings."""
    values: dict[int, float] = {}
    cursor = None
    while True:
        page = httpx.get(
            f"{service.url}/ratings/{user_id}",
            params={"limit": 100, **({"cursor": cursor} if cursor else {})},
            headers={"authorization": f"Bearer {key}"},
        ).json()
        values |= {item["movie"]["id"]: item["value"] for item in page["items"]}
        cursor = page["next_cursor"]
        if cursor is None:
            return values


def assert_nothing_lost(
    service: Service, key: str, raters: list[Rater], folder: Path
) -> None:
    """Acknowledged ⊆ stored, and what is stored was sent."""
    n_acknowledged = 0
    for n, rater in enumerate(raters):
        values = stored(service, key, rater.user_id)
        for movie_id, possible in possible_values(folder / f"client{n}.log").items():
            assert values.get(movie_id) in possible
            n_acknowledged += 1
    assert n_acknowledged > 0


def is_writable(service: Service, key: str) -> bool:
    """Whether a rating is acknowledged now."""
    try:
        return httpx.put(
            f"{service.url}/ratings/{FIRST_USER}/11",
            json={"value": 3},
            headers={"authorization": f"Bearer {key}"},
            timeout=5,
        ).is_success
    except httpx.HTTPError:
        return False


def test_no_acknowledged_rating_is_lost_when_web_processes_are_killed(
    copy_of_prepared, tmp_path
):
    pause = random.Random(0)

    with running(copy_of_prepared(), tmp_path / "log", WEB_PROCESSES="2") as service:
        key = service.create_key("serve")
        with rating(service, key, tmp_path) as raters:
            for _ in range(N_ROUNDS):
                time.sleep(2.1 + pause.random())
                for process in service.descendants("serve"):
                    process.kill()
                seconds = wait_for(
                    lambda: is_writable(service, key), seconds=15, what="writable"
                )
                assert seconds < 10
        assert_nothing_lost(service, key, raters, tmp_path)


def test_no_acknowledged_rating_is_lost_when_the_database_is_killed(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()

    with running(data_dir, tmp_path / "log") as service:
        key = service.create_key("serve")
        with rating(service, key, tmp_path) as raters:
            for _ in range(2):
                time.sleep(1.5)
                pid = (data_dir / "postgres" / "postmaster.pid").read_text().split()[0]
                psutil.Process(int(pid)).kill()
                seconds = wait_for(
                    lambda: is_writable(service, key), seconds=20, what="writable"
                )
                assert seconds < 15
        assert_nothing_lost(service, key, raters, tmp_path)

    with running(data_dir, tmp_path / "log after") as service:
        assert_nothing_lost(service, key, raters, tmp_path)
        assert is_writable(service, key)
