"""What the service makes of a start without a database or a sound model (F5, F9)."""

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from api.clients.cinefold import Cinefold
from api.schemas.health import Ready
from api.storage.embedded_postgres import running_server
from engine.model.files import FORMAT_VERSION
from tests.service import Process, free_port, running, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


def test_a_database_that_comes_later_is_used_at_once(copy_of_prepared, tmp_path):
    data_dir = copy_of_prepared()
    with running_server(data_dir) as server:
        address = server.url
    url = f"http://127.0.0.1:{(port := free_port())}"
    web = Process(
        "serve",
        log=tmp_path / "log",
        DATABASE_URL=address,
        DATA_DIR=str(data_dir),
        PORT=str(port),
    )

    def status(path: str) -> int:
        try:
            return httpx.get(f"{url}{path}", timeout=5).status_code
        except httpx.ConnectError:
            return 0

    try:
        wait_for(lambda: status("/health/live") == 200, seconds=20, what="live")
        before = httpx.get(f"{url}/health/ready")
        with running_server(data_dir) as server:
            seconds = wait_for(
                lambda: status("/health/ready") == 200, seconds=20, what="ready"
            )
            seconds += wait_for(
                lambda: httpx.get(f"{url}/health/ready").json()["model"],
                seconds=20,
                what="the model",
            )
            is_same = web.process.poll() is None and server.url == address
    finally:
        web.end()

    assert before.status_code == 503
    assert before.headers["retry-after"] == "5"
    assert seconds <= 5
    assert is_same


def test_with_damaged_models_only_lists_are_by_popularity(copy_of_prepared, tmp_path):
    data_dir = copy_of_prepared()
    for array in (data_dir / "models").glob("*/*.npy"):
        damage(array)

    with (
        running(data_dir, tmp_path / "log") as service,
        service.program("serve") as program,
    ):
        ready = program.ready()
        known, stranger = program.recommendations(1), program.recommend({1: 5})

    assert ready == Ready(
        status="ready",
        degraded=True,
        reasons=["no model is live; lists show popular movies"],
        model=None,
    )
    for made in (known, stranger):
        assert made.model is None
        assert made.items
    events = [line for line in service.output.splitlines() if "refused" in line]
    assert len(events) == 1
    assert json.loads(events[0])["level"] == "error"


@pytest.mark.timeout(180)  # it trains
def test_a_model_of_an_older_version_is_trained_anew(copy_of_prepared, tmp_path):
    data_dir = copy_of_prepared()
    (path,) = (data_dir / "models").glob("*/manifest.json")
    document = {**json.loads(path.read_bytes()), "version": FORMAT_VERSION - 1}
    text = json.dumps({k: v for k, v in document.items() if k != "sha256"}, indent=1)
    document["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.unlink()
    path.write_text(json.dumps(document, indent=1))

    with (
        running(data_dir, tmp_path / "log") as service,
        Cinefold(service.url) as client,
    ):
        wait_for(
            lambda: client.ready().model, seconds=100, what="a model of this version"
        )
        ready = client.ready()

    assert ready.model is not None
    assert ready.model.id == 2
    assert not ready.degraded
    assert "A new model is in training" in service.output


def damage(array: Path) -> None:
    """Flip the last bit of a file."""
    content = array.read_bytes()
    array.unlink()
    array.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
