"""`cinefold run` as a newcomer and an operator meet it."""

import signal
import time
from functools import partial
from http import HTTPStatus

import httpx
import pytest

from tests.service import Process, Service, processes_of, running, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


def test_first_start_loads_trains_lets_the_administrator_in_and_measures(tmp_path):
    data_dir = tmp_path / "data"

    with running(data_dir, tmp_path / "log") as service:
        credentials = {"username": "admin", "password": service.one_time_password}
        with httpx.Client(base_url=service.url) as browser:
            browser.headers["origin"] = service.url
            signed_in = browser.post("/auth/session", json=credentials)
            locked = browser.get("/training-runs")
            changed = browser.put(
                "/me/password",
                json={
                    "current_password": service.one_time_password,
                    "new_password": "a password of my own",
                },
            )
            unlocked = browser.get("/training-runs")
            wait_for(
                lambda: browser.get("/models/1").json()["evaluation"],
                seconds=90,
                what="the figures of the first model",
            )
            card = browser.get("/models/1").json()

    assert signed_in.json()["must_change_password"] is True
    assert locked.status_code == HTTPStatus.FORBIDDEN
    assert changed.status_code == HTTPStatus.NO_CONTENT
    assert unlocked.json()["items"][0]["status"] == "succeeded"
    assert "100,004 ratings" in service.output
    methods = {each["name"]: each for each in card["evaluation"]["methods"]}
    assert methods["rating head"]["rmse"]["value"] < methods["biases"]["rmse"]["value"]
    assert card["ndcg"] == methods["ranking head"]["ndcg"]
    assert card["is_active"]


def test_second_start_is_quick_and_nothing_is_left_after_ctrl_c(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()

    service = Service(data_dir, log=tmp_path / "log")
    service.wait_until_ready(seconds=30)
    while_running = processes_of(data_dir)
    status = service.end(signal.SIGINT)

    assert "Loading" not in service.output
    assert "Training" not in service.output
    assert len(while_running) > 2
    assert status == 0
    assert processes_of(data_dir) == []


def test_nothing_outlives_a_killed_supervisor_but_the_database(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()
    service = Service(data_dir, log=tmp_path / "log")
    service.wait_until_ready(seconds=30)

    service.end(signal.SIGKILL)
    wait_for(
        lambda: not any("api.commands.main" in line for line in processes_of(data_dir)),
        seconds=15,
        what="children end with their parent",
    )

    with running(data_dir, tmp_path / "again") as again:
        assert again.answers("/movies/1")
    assert processes_of(data_dir) == []


def test_two_folders_run_at_once(copy_of_prepared, tmp_path):
    first, second = copy_of_prepared(), copy_of_prepared()

    with (
        running(first, tmp_path / "log1") as one,
        running(second, tmp_path / "log2") as two,
    ):
        assert one.answers()
        assert two.answers()


def test_a_busy_folder_and_a_busy_port_are_named_with_their_remedy(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()
    other = copy_of_prepared()

    with running(data_dir, tmp_path / "log") as service:
        port = service.url.rpartition(":")[2]
        same_folder = Process("run", log=tmp_path / "a", DATA_DIR=str(data_dir))
        same_port = Process("run", log=tmp_path / "b", DATA_DIR=str(other), PORT=port)
        statuses = same_folder.process.wait(20), same_port.process.wait(20)
        assert service.answers()

    assert statuses == (1, 1)
    assert "set DATA_DIR to another folder" in " ".join(same_folder.output.split())
    assert "Set PORT to another port" in " ".join(same_port.output.split())


def test_a_database_that_forgets_is_refused_unless_that_is_accepted(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()
    with (data_dir / "postgres" / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("synchronous_commit = off\n")

    refused = Process("run", log=tmp_path / "log", DATA_DIR=str(data_dir))
    status = refused.process.wait(30)
    accepted = running(data_dir, tmp_path / "log2", ALLOW_UNSAFE_DURABILITY="true")

    assert status == 1
    assert "synchronous_commit is off" in refused.output
    assert "ALLOW_UNSAFE_DURABILITY" in refused.output
    with accepted as service:
        assert service.answers()


def test_bad_settings_are_named_without_their_value(tmp_path):
    process = Process(
        "run", log=tmp_path / "log", PORT="99999", DATABASE_URL="mysql://secret"
    )

    assert process.process.wait(20) == 2
    assert "PORT" in process.output
    assert "DATABASE_URL" in process.output
    assert "secret" not in process.output


def test_killed_processes_come_back(copy_of_prepared, tmp_path):
    with running(copy_of_prepared(), tmp_path / "log") as service:
        time.sleep(2.5)  # older than the pause between two restarts
        for word in ("serve", "worker"):
            (process,) = service.descendants(word)
            process.kill()
            seconds = wait_for(
                partial(is_back, service, word), seconds=15, what=f"{word} comes back"
            )
            assert seconds < 10


def is_back(service: Service, word: str) -> bool:
    """Whether the process runs again and the service answers."""
    return bool(service.descendants(word)) and service.answers()


def test_behind_a_trusted_proxy_each_visitor_has_limits_of_their_own(
    copy_of_prepared, tmp_path
):
    """The proxy connects from 127.0.0.2, an address that is not believed by itself."""

    def attempts(service: Service) -> list[int]:
        proxy = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(base_url=service.url, transport=proxy) as client:
            return [
                client.post(
                    "/auth/session",
                    json={"username": f"user{n}", "password": "wrong password"},
                    headers={"X-Forwarded-For": f"192.0.2.{n}"},
                ).status_code
                for n in range(26)
            ]

    public = {"PUBLIC_URL": "http://127.0.0.1"}
    data_dir = copy_of_prepared()
    with running(data_dir, tmp_path / "log", **public) as service:
        assert HTTPStatus.TOO_MANY_REQUESTS in attempts(service)
    with running(
        data_dir, tmp_path / "log2", TRUSTED_PROXIES="127.0.0.2", **public
    ) as service:
        assert set(attempts(service)) == {HTTPStatus.UNAUTHORIZED}
