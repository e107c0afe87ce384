"""First requests of one user at the same time, in two web processes (C6)."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from api.clients.cinefold import Cinefold
from api.schemas.experiments import ExperimentIn, VariantIn
from tests.service import running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

N_REQUESTS = 20
USERS = range(1, 11)  # of the sample


def started_experiment(client: Cinefold) -> int:
    """Start an experiment whose variants order lists differently."""
    model = client.active_model().model
    assert model is not None
    plan = ExperimentIn(
        name="Race",
        hypothesis="Nobody is counted twice",
        minimum_effect=0.1,
        variants=[
            VariantIn(name="A", weight=0.5, model_id=model.id),
            VariantIn(name="B", weight=0.5, model_id=model.id, head="rating"),
        ],
    )
    return client.start_experiment(client.create_experiment(plan).id).id


def test_first_requests_at_once_see_one_variant_and_leave_one_exposure(
    copy_of_prepared, tmp_path
):
    data_dir = copy_of_prepared()
    with running(data_dir, tmp_path / "log", WEB_PROCESSES="2") as service:
        assert len(service.descendants("serve")) == 2
        key = service.create_key("serve", "admin")
        with Cinefold(service.url, key) as client:
            experiment_id = started_experiment(client)
            barrier = Barrier(N_REQUESTS)

            def first_request(user_id: int) -> str:
                with Cinefold(service.url, key, n_attempts=1) as own:
                    own.live()  # connected before the others ask
                    barrier.wait()
                    made = own.recommendations(user_id, limit=1)
                return str(made.experiment and made.experiment.variant)

            seen = {}
            with ThreadPoolExecutor(N_REQUESTS) as threads:
                for user_id in USERS:
                    asked = [user_id] * N_REQUESTS
                    seen[user_id] = set(threads.map(first_request, asked))
            lines = client.exposures(experiment_id)

    exposures = [json.loads(line) for line in lines.splitlines()]
    assert [row["user_id"] for row in exposures] == list(USERS)
    assert seen == {row["user_id"]: {row["variant"]} for row in exposures}
