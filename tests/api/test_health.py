"""Whether the process lives and the service can work."""

import shutil

import pytest
from sqlalchemy import text

pytestmark = pytest.mark.anyio


async def test_a_service_with_a_model_is_ready_and_names_it(anonymous, trained):
    reply = (await anonymous.get("/health/ready")).json()

    assert reply["status"] == "ready"
    assert not reply["degraded"]
    assert reply["reasons"] == []
    assert reply["model"]["id"] == trained.id


async def test_a_service_without_a_model_is_ready_but_degraded(anonymous, services):
    services.model_store.current = None

    reply = await anonymous.get("/health/ready")

    assert reply.status_code == 200
    assert reply.json() == {
        "status": "ready",
        "degraded": True,
        "reasons": ["no model is live; lists show popular movies"],
        "model": None,
    }


async def test_a_service_that_cannot_write_says_why(anonymous, session, monkeypatch):
    await session.execute(text("SET LOCAL transaction_read_only = on"))
    usage = shutil.disk_usage("/")._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    reply = (await anonymous.get("/health/ready")).json()

    assert reply["degraded"]
    assert reply["reasons"] == [
        "the database accepts no writes",
        "1 MiB are free for DATA_DIR",
    ]


async def test_a_process_that_answers_is_live(anonymous):
    assert (await anonymous.get("/health/live")).json() == {"status": "live"}
