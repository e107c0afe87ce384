"""An acknowledged rating survives the death of any process (D1, F1).

`DURABILITY_ROUNDS` is how often a web process is killed, and then the database.
"""

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

from api.clients.cinefold import Cinefold, CinefoldError
from tests.service import Service, running, wait_for

N_CLIENTS = 4
N_ROUNDS = int(os.environ.get("DURABILITY_ROUNDS", "20"))
FIRST_USER = 1  # clients rate as users 1, 2, … of the sample

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120 + 30 * N_ROUNDS)]


class Rater(threading.Thread):
    """Rates movies one after another; logs each acknowledgement before the next."""

    def __init__(self, url: str, key: str, user_id: int, log: Path) -> None:
        super().__init__()
        self.client = Cinefold(url, key, timeout_seconds=5, n_attempts=1)
        self.user_id = user_id
        self.log = log.open("a")
        self.random = random.Random(user_id)
        self.is_over = threading.Event()

    def run(self) -> None:
        """Rate until told to stop; a broken connection is a reason to go on."""
        with self.client, self.log:
            while not self.is_over.is_set():
                movie_id = self.random.choice((1, 2, 3, 4, 5, 6, 7, 9, 10))
                value = self.random.randint(1, 10) / 2
                self._rate(movie_id, value)

    def _rate(self, movie_id: int, value: float) -> None:
        self.log.write(f"sent {movie_id} {value}\n")
        try:
            self.client.rate(self.user_id, movie_id, value)
        except httpx.TransportError:
            time.sleep(0.05)
        except CinefoldError as error:
            if error.status != 503:
                raise
        else:
            self.log.write(f"acknowledged {movie_id} {value}\n")
            self.log.flush()
            os.fsync(self.log.fileno())


@contextmanager
def rating(service: Service, key: str, folder: Path) -> Iterator[None]:
    """Several clients rating at once."""
    raters = [
        Rater(service.url, key, FIRST_USER + n, folder / f"client{n}.log")
        for n in range(N_CLIENTS)
    ]
    for rater in raters:
        rater.start()
    try:
        yield
    finally:
        for rater in raters:
            rater.is_over.set()
        for rater in raters:
            rater.join()


def possible_values(
    log: Path, before: dict[int, float]
) -> dict[int, set[float | None]]:
    """Replay a client's log: what may be stored now for each movie.

    After an acknowledgement exactly that value, until then what was there before; a
    value sent later without one may have been stored or not.
    """
    possible: dict[int, set[float | None]] = {}
    for line in log.read_text().splitlines():
        event, written, value = line.split()
        movie_id = int(written)
        if event == "acknowledged":
            possible[movie_id] = {float(value)}
        else:
            possible.setdefault(movie_id, {before.get(movie_id)}).add(float(value))
    return possible


def stored(service: Service, key: str, user_id: int) -> dict[int, float]:
    """Read all of a user's ratings."""
    with Cinefold(service.url, key) as client:
        return {rating.movie.id: rating.value for rating in client.ratings(user_id)}


def assert_nothing_lost(
    service: Service, key: str, folder: Path, before: list[dict[int, float]]
) -> None:
    """Acknowledged ⊆ stored, and what is stored was sent."""
    for n, values_before in enumerate(before):
        log = folder / f"client{n}.log"
        assert "acknowledged" in log.read_text()
        values = stored(service, key, FIRST_USER + n)
        for movie_id, possible in possible_values(log, values_before).items():
            assert values.get(movie_id) in possible


def is_writable(service: Service, key: str) -> bool:
    """Whether a rating is acknowledged now."""
    with Cinefold(service.url, key, timeout_seconds=5, n_attempts=1) as client:
        try:
            client.rate(FIRST_USER, 11, 3)
        except (CinefoldError, httpx.TransportError):
            return False
        return True


def kill_database(data_dir: Path) -> None:
    pid = (data_dir / "postgres" / "postmaster.pid").read_text().split()[0]
    psutil.Process(int(pid)).kill()


def test_no_acknowledged_rating_is_lost_when_web_and_database_are_killed(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()
    pick = random.Random(0)

    with running(data_dir, tmp_path / "log", WEB_PROCESSES="2") as service:
        key = service.create_key("serve")
        before = [stored(service, key, FIRST_USER + n) for n in range(N_CLIENTS)]
        with rating(service, key, tmp_path):
            for _ in range(N_ROUNDS):
                time.sleep(pick.random())
                pick.choice(service.descendants("serve")).kill()
                time.sleep(pick.random())
                kill_database(data_dir)
                seconds = wait_for(
                    lambda: is_writable(service, key), seconds=20, what="writable"
                )
                assert seconds < 15
        assert_nothing_lost(service, key, tmp_path, before)

    with running(data_dir, tmp_path / "log after") as service:
        assert_nothing_lost(service, key, tmp_path, before)
        assert is_writable(service, key)
