"""What Prometheus reads, by its own parser."""

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from api.telemetry.observability import watch_connections
from tests.conftest import keyed
from tests.service import running

pytestmark = pytest.mark.anyio


def samples(reply: httpx.Response) -> dict[tuple[str, ...], float]:
    """Parse an exposition: name and label values to value."""
    assert reply.status_code == 200, reply.text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


async def test_requests_are_counted_by_the_template_of_their_route(app, admin):
    count = "cinefold_http_request_duration_seconds_count"
    movie = (count, "GET", "/movies/{movie_id}", "200")
    nothing = (count, "GET", "/movies/{movie_id}", "404")
    async with keyed(app, admin, "read") as prometheus:
        before = samples(await prometheus.get("/metrics"))
        for path in ("/movies/1", "/movies/2", "/movies/999999"):
            await admin.get(path)
        after = samples(await prometheus.get("/metrics"))

    assert after[movie] - before.get(movie, 0) == 2
    assert after[nothing] - before.get(nothing, 0) == 1
    assert not [key for key in after if "/movies/1" in key]


async def test_words_that_are_no_methods_are_one_series(admin):
    for word in ("FROB", "NICATE"):
        await admin.request(word, "/movies")

    found = samples(await admin.get("/metrics"))

    methods = {
        key[1] for key in found if key[0].endswith("request_duration_seconds_count")
    }
    assert "other" in methods
    assert not methods & {"FROB", "NICATE"}


async def test_the_connections_that_requests_hold_are_counted(engine):
    watch_connections(engine)
    before = connections_in_use()

    async with engine.connect():
        assert connections_in_use() == before + 1

    assert connections_in_use() == before


def connections_in_use() -> float:
    value = REGISTRY.get_sample_value("cinefold_database_connections_in_use")
    assert value is not None
    return value


async def test_each_stage_of_a_list_is_measured(admin, alice):
    stages = ("read", "fold_in", "rank", "describe")
    name = "cinefold_recommendation_stage_duration_seconds_count"
    before = samples(await admin.get("/metrics"))

    # A question that nobody asked before: its answer is not remembered.
    await alice.get(f"/recommendations/{alice.user_id}?limit=17&exclude=1")

    after = samples(await admin.get("/metrics"))
    for stage in stages:
        assert after[name, stage] - before.get((name, stage), 0) == 1


async def test_model_and_runs_are_told_as_of_now(admin, services, trained):
    body = {"preset": "bias", "evaluate": "never"}
    assert (await admin.post("/training-runs", json=body)).status_code == 202

    served = samples(await admin.get("/metrics"))
    services.model_store.current = None
    unserved = samples(await admin.get("/metrics"))

    assert served["cinefold_model_id",] == trained.id
    assert served["cinefold_model_age_seconds",] > 0
    size = sum(
        h.item_factors.nbytes for h in (trained.model.rating, trained.model.ranking)
    )
    assert served["cinefold_model_factor_bytes",] == size
    assert served["cinefold_training_runs", "queued"] == 1
    assert ("cinefold_model_id",) not in unserved


def test_several_web_processes_add_up(copy_of_prepared, tmp_path):
    count = ("cinefold_http_request_duration_seconds_count", "GET", "/movies", "200")
    with running(copy_of_prepared(), tmp_path / "log", WEB_PROCESSES="2") as service:
        for _ in range(20):  # each on a connection of its own: either process
            assert httpx.get(f"{service.url}/movies?limit=1").status_code == 200
        key = {"X-API-Key": service.create_key("read")}

        def scrape() -> dict[tuple[str, ...], float]:
            return samples(httpx.get(f"{service.url}/metrics", headers=key))

        found = [scrape() for _ in range(5)]
        victim, survivor = service.descendants("serve")
        victim.kill()
        victim.wait()
        after = scrape()

    memory = "process_resident_memory_bytes"
    both = {str(process.pid) for process in (victim, survivor)}
    assert {each[count] for each in found} == {after[count]} == {20}
    assert {key[1] for key in found[-1] if key[0] == memory} == both
    assert {key[1] for key in after if key[0] == memory} == {str(survivor.pid)}
    assert after["cinefold_database_connections_in_use",] == 1  # the scrape's own
