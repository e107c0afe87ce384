"""First requests of one user at the same time, in two web processes (C6)."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from tests.service import running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

N_REQUESTS = 20
USERS = range(1, 11)  # of the sample


def started_experiment(client: httpx.Client) -> int:
    """Start an experiment whose variants order lists differently."""
    model_id = client.get("/health/ready").json()["model"]["id"]
    plan = {
        "name": "Race",
        "hypothesis": "Nobody is counted twice",
        "minimum_effect": 0.1,
        "variants": [
            {"name": head, "weight": 0.5, "model_id": model_id, "head": head}
            for head in ("ranking", "rating")
        ],
    }
    created = client.post("/experiments", json=plan)
    assert created.status_code == 201, created.text
    experiment_id: int = created.json()["id"]
    assert client.post(f"/experiments/{experiment_id}/start").status_code == 200
    return experiment_id


def test_first_requests_at_once_see_one_variant_and_leave_one_exposure(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()
    with running(data_dir, tmp_path / "log", WEB_PROCESSES="2") as service:
        assert len(service.descendants("serve")) == 2
        key = service.create_key("serve", "admin")
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=service.url, headers=headers) as client:
            experiment_id = started_experiment(client)
            barrier = Barrier(N_REQUESTS)

            def first_request(user_id: int) -> str:
                with httpx.Client(base_url=service.url, headers=headers) as own:
                    own.get("/health/live")  # connected before the others ask
                    barrier.wait()
                    reply = own.get(f"/recommendations/{user_id}?limit=1", timeout=30)
                assert reply.status_code == 200, reply.text
                return str(reply.json()["experiment"]["variant"])

            seen = {}
            with ThreadPoolExecutor(N_REQUESTS) as threads:
                for user_id in USERS:
                    asked = [user_id] * N_REQUESTS
                    seen[user_id] = set(threads.map(first_request, asked))
            lines = client.get(f"/experiments/{experiment_id}/exposures").text

    exposures = [json.loads(line) for line in lines.splitlines()]
    assert [row["user_id"] for row in exposures] == list(USERS)
    assert seen == {row["user_id"]: {row["variant"]} for row in exposures}
