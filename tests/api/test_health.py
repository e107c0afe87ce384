"""Whether the process lives and the service can work."""

import pytest

pytestmark = pytest.mark.anyio


async def test_a_service_with_a_model_is_ready_and_names_it(anonymous, trained):
    reply = (await anonymous.get("/health/ready")).json()

    assert reply["status"] == "ready"
    assert not reply["degraded"]
    assert reply["model"]["id"] == trained.id


async def test_a_service_without_a_model_is_ready_but_degraded(anonymous, services):
    services.model_store.current = None

    reply = await anonymous.get("/health/ready")

    assert reply.status_code == 200
    assert reply.json() == {"status": "ready", "degraded": True, "model": None}


async def test_a_process_that_answers_is_live(anonymous):
    assert (await anonymous.get("/health/live")).json() == {"status": "live"}
