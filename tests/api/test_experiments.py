"""Experiments through the API: planned, started, served, judged, stopped."""

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sqlalchemy import delete, func, insert, select, update

from api.schemas.base import MAX_VARIANTS
from api.services.model_store import ModelStore
from api.tables import (
    Experiment,
    Exposure,
    Feedback,
    Model,
    Movie,
    User,
    Variant,
)
from engine.experiments.assignment import ALGORITHM_VERSION, Allocation
from engine.experiments.simulation import Trial, daily_looks, fixed_horizon
from engine.model.files import save_model
from tests.api.test_recommendations import TASTE, movie_ids, rate
from tests.conftest import keyed

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000


def planned(model_id, **changed: Any) -> dict[str, Any]:
    """Write a plan of two variants of one model, ordered by either head."""
    return {
        "name": "Stars first",
        "hypothesis": "Lists ordered by predicted stars are liked more",
        "variants": [
            {"name": "A", "weight": 0.5, "model_id": model_id},
            {"name": "B", "weight": 0.5, "model_id": model_id, "head": "rating"},
        ],
        "metric": "like_share",
        "minimum_effect": 0.1,
        **changed,
    }


@pytest.fixture
async def draft(admin, trained):
    """The id of an experiment still being planned."""
    reply = await admin.post("/experiments", json=planned(trained.id))
    assert reply.status_code == 201, reply.text
    return reply.json()["id"]


@pytest.fixture
async def running(admin, draft):
    reply = await admin.post(f"/experiments/{draft}/start")
    assert reply.status_code == 200, reply.text
    return draft


async def count(session, table) -> int:
    return int(await session.scalar(select(func.count()).select_from(table)))


def problem(reply, status, slug) -> str:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["type"] == f"/problems/{slug}"
    return str(reply.json()["detail"])


# Planning.


async def test_a_plan_is_stored_as_a_draft_and_found_where_the_reply_says(
    admin, trained
):
    reply = await admin.post("/experiments", json=planned(trained.id))

    created = reply.json()
    read = await admin.get(reply.headers["location"])
    assert reply.status_code == 201
    assert created["state"] == "draft"
    assert created["algorithm_version"] == ALGORITHM_VERSION
    assert created["traffic_salt"] != created["variant_salt"]
    assert created["alpha"] == 0.05
    assert [variant["head"] for variant in created["variants"]] == ["ranking", "rating"]
    assert reply.headers["etag"] == read.headers["etag"] == '"1"'
    assert read.json() == created


async def test_each_experiment_has_salts_of_its_own(admin, trained):
    replies = [
        (await admin.post("/experiments", json=planned(trained.id))).json()
        for _ in range(2)
    ]

    salts = {
        reply[name] for reply in replies for name in ("traffic_salt", "variant_salt")
    }
    assert len(salts) == 4


async def test_experiments_are_listed_newest_first_page_by_page(admin, trained):
    created = [
        (await admin.post("/experiments", json=planned(trained.id))).json()
        for _ in range(3)
    ]

    page = (await admin.get("/experiments?limit=2")).json()
    cursor = page["next_cursor"]
    rest = (await admin.get(f"/experiments?limit=2&cursor={cursor}")).json()

    assert page["items"] + rest["items"] == created[::-1]
    assert rest["next_cursor"] is None


def variants(*weights: float, **of_first: Any) -> list[dict[str, Any]]:
    named = [
        {"name": f"V{i}", "weight": weight, "model_id": 1}
        for i, weight in enumerate(weights)
    ]
    named[0] |= of_first
    return named


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"variants": variants(0.5, 0.4)}, ["body", "variants"]),
        ({"variants": variants(0.5, 0.6)}, ["body", "variants"]),
        ({"variants": variants(1.0)}, ["body", "variants"]),
        ({"variants": variants(*[0.2] * 5)}, ["body", "variants"]),
        ({"variants": variants(0.5, 0.5, name="V1")}, ["body", "variants"]),
        ({"variants": variants(0.5, 0.5, model_id=UNKNOWN)}, ["body", "variants"]),
        ({"variants": variants(1.5, -0.5)}, ["body", "variants", 0, "weight"]),
        (
            {"variants": variants(0.5, 0.5, head="best")},
            ["body", "variants", 0, "head"],
        ),
        (
            {"variants": variants(0.5, 0.5, diversity=1.1)},
            ["body", "variants", 0, "diversity"],
        ),
        (
            {"variants": variants(0.5, 0.5, exploration=-0.1)},
            ["body", "variants", 0, "exploration"],
        ),
        ({"variants": variants(0.5, 0.5, extra=1)}, ["body", "variants", 0, "extra"]),
        ({"traffic_share": -0.1}, ["body", "traffic_share"]),
        ({"traffic_share": 0}, ["body", "traffic_share"]),
        ({"traffic_share": 1.5}, ["body", "traffic_share"]),
        ({"minimum_effect": 0}, ["body", "minimum_effect"]),
        ({"alpha": 1}, ["body", "alpha"]),
        ({"metric": "clicks"}, ["body", "metric"]),
        ({"name": " "}, ["body", "name"]),
        ({"name": "x" * 101}, ["body", "name"]),
        ({"hypothesis": "\x00"}, ["body", "hypothesis"]),
        ({"state": "running"}, ["body", "state"]),
        ({"traffic_salt": "mine"}, ["body", "traffic_salt"]),
    ],
)
async def test_an_impossible_plan_is_refused_and_nothing_stored(
    admin, session, trained, draft, changed, field
):
    before = (await admin.get(f"/experiments/{draft}")).json()

    created = await admin.post("/experiments", json=planned(trained.id, **changed))
    patched = await admin.patch(
        f"/experiments/{draft}", json=changed, headers={"if-match": '"1"'}
    )

    for reply in (created, patched):
        problem(reply, 422, "invalid-request")
        assert field in [error["field"] for error in reply.json()["errors"]]
    assert await count(session, Experiment) == 1
    assert (await admin.get(f"/experiments/{draft}")).json() == before


async def test_a_draft_is_changed_by_whoever_has_seen_its_last_version(
    admin, draft, trained
):
    url = f"/experiments/{draft}"
    three = [
        {"name": name, "weight": weight, "model_id": trained.id}
        for name, weight in (("A", 0.2), ("B", 0.3), ("C", 0.5))
    ]

    first = await admin.patch(url, json={"name": "Other"}, headers={"if-match": '"1"'})
    second = await admin.patch(
        url,
        json={"variants": three, "alpha": None},
        headers={"if-match": first.headers["etag"]},
    )

    changed = second.json()
    assert first.headers["etag"] == '"2"'
    assert second.headers["etag"] == '"3"'
    assert changed["name"] == "Other"
    assert changed["alpha"] == 0.05
    assert [variant["weight"] for variant in changed["variants"]] == [0.2, 0.3, 0.5]
    assert (await admin.get(url)).json() == changed


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        ({}, 428, "precondition-required"),
        ({"if-match": '"2"'}, 412, "precondition-failed"),
        ({"if-match": "1"}, 412, "precondition-failed"),
        ({"if-match": 'W/"1"'}, 412, "precondition-failed"),
        ({"if-match": "*"}, 412, "precondition-failed"),
    ],
)
async def test_a_change_of_another_version_is_refused(
    admin, draft, headers, status, slug
):
    url = f"/experiments/{draft}"

    reply = await admin.patch(url, json={"name": "Lost"}, headers=headers)

    problem(reply, status, slug)
    assert (await admin.get(url)).json()["name"] == "Stars first"


# States.


async def test_an_experiment_runs_once_and_cannot_be_changed_then(admin, running):
    url = f"/experiments/{running}"
    started = (await admin.get(url)).json()

    again = await admin.post(f"{url}/start")
    etag = {"if-match": '"2"'}
    changed = await admin.patch(url, json={"name": "Late"}, headers=etag)
    stopped = await admin.post(f"{url}/stop")
    twice = await admin.post(f"{url}/stop")
    restarted = await admin.post(f"{url}/start")

    assert started["state"] == "running"
    assert started["started_at"] is not None
    assert "already been started" in problem(again, 409, "wrong-state")
    assert "experiment is running" in problem(changed, 409, "wrong-state")
    assert stopped.json()["state"] == "stopped"
    assert stopped.json()["stopped_at"] is not None
    assert "is not running" in problem(twice, 409, "wrong-state")
    assert "already been started" in problem(restarted, 409, "wrong-state")
    assert (await admin.get(url)).json() == stopped.json()


async def test_a_draft_has_no_results_and_cannot_be_stopped(admin, alice, draft):
    url = f"/experiments/{draft}"

    for reply in (
        await admin.post(f"{url}/stop"),
        await admin.get(f"{url}/results"),
        await admin.get(f"{url}/exposures"),
    ):
        problem(reply, 409, "wrong-state")
    assert (await alice.get(f"{url}/assignment/{alice.user_id}")).status_code == 404
    assert (await admin.get(url)).json()["state"] == "draft"


async def test_one_experiment_runs_at_a_time(admin, running, trained):
    other = (await admin.post("/experiments", json=planned(trained.id))).json()["id"]

    refused = await admin.post(f"/experiments/{other}/start")
    await admin.post(f"/experiments/{running}/stop")
    started = await admin.post(f"/experiments/{other}/start")

    assert "another experiment" in problem(refused, 409, "wrong-state")
    assert started.status_code == 200


async def test_an_experiment_with_a_damaged_model_does_not_start(
    admin, session, draft, caplog
):
    values = {"folder": "nowhere", "manifest": {}}
    model_id = await session.scalar(insert(Model).values(values).returning(Model.id))
    await session.execute(
        update(Variant).where(Variant.name == "B").values(model_id=model_id)
    )
    await session.commit()

    for _ in range(2):
        reply = await admin.post(f"/experiments/{draft}/start")
        assert f"model {model_id} is damaged" in problem(reply, 409, "wrong-state")

    assert len([r for r in caplog.records if "refused" in r.message]) == 1


@pytest.mark.usefixtures("draft")
async def test_a_pinned_model_cannot_be_removed(session, trained):
    with pytest.raises(Exception, match="variants_model_id_fkey"):
        await session.execute(delete(Model).where(Model.id == trained.id))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/start"),
        ("POST", "/stop"),
        ("GET", "/results"),
        ("GET", "/exposures"),
        ("GET", "/assignment/1"),
    ],
)
async def test_an_unknown_experiment_is_404(admin, method, path):
    body: dict[str, Any] | None = {} if method == "PATCH" else None

    reply = await admin.request(method, f"/experiments/{UNKNOWN}{path}", json=body)

    problem(reply, 404, "not-found")


# Who sees what.


def allocation_of(plan: dict[str, Any]) -> Allocation:
    weights = [variant["weight"] for variant in plan["variants"]]
    return Allocation(
        plan["traffic_salt"], plan["variant_salt"], plan["traffic_share"], weights
    )


async def test_users_see_the_variant_that_the_published_function_gives(
    app, admin, session, running
):
    """Imported users, by a program; each list is that of its variant's head."""
    plan = (await admin.get(f"/experiments/{running}")).json()
    allocation = allocation_of(plan)
    lists: dict[str, set[tuple[int, ...]]] = {"A": set(), "B": set()}

    async with keyed(app, admin, "serve") as program:
        for user in range(1, 21):
            reply = await program.get(f"/recommendations/{user}?limit=5")
            assignment = await program.get(f"/experiments/{running}/assignment/{user}")
            expected = "AB"[allocation.variant_of(user) or 0]
            assert reply.json()["experiment"] == {"id": running, "variant": expected}
            assert assignment.json() == {
                "experiment_id": running,
                "user_id": user,
                "takes_part": True,
                "variant": expected,
            }
            lists[expected].add(tuple(movie_ids(reply)))

    shown = await session.execute(
        select(Exposure.user_id, Variant.name).join(
            Variant, Variant.id == Exposure.variant_id
        )
    )
    assert {row.user_id: row.name for row in shown} == {
        user: "AB"[allocation.variant_of(user) or 0] for user in range(1, 21)
    }
    assert lists["A"]
    assert lists["B"]


async def test_the_head_of_the_variant_orders_the_list_and_explains_it(
    alice, admin, session, draft
):
    """All users see B: its lists are ordered by predicted stars."""
    url = f"/recommendations/{alice.user_id}?limit=20"
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 5})
    usual = (await alice.get(url)).json()
    await session.execute(
        update(Variant).values(weight=func.abs(Variant.position - 1e-12))
    )
    await session.commit()
    await admin.post(f"/experiments/{draft}/start")

    reply = (await alice.get(url)).json()

    stars = [item["predicted_rating"] for item in reply["items"]]
    assert usual["experiment"] is None
    assert reply["experiment"] == {"id": draft, "variant": "B"}
    assert stars == sorted(stars, reverse=True)
    assert [i["movie"]["id"] for i in reply["items"]] != [
        i["movie"]["id"] for i in usual["items"]
    ]
    first = reply["items"][0]
    path = f"/recommendations/{alice.user_id}/{first['movie']['id']}/explanation"
    explained = (await alice.get(path)).json()
    assert explained["predicted_rating"] == pytest.approx(
        first["predicted_rating"], abs=0.005
    )
    assert explained["reasons"][:3] == first["reasons"]


@pytest.mark.parametrize(
    "serving", [{"diversity": 0.5}, {"exploration": 0.5, "head": "rating"}]
)
async def test_the_variant_decides_diversity_and_exploration(
    alice, admin, session, trained, serving
):
    """Both variants serve alike, so whoever sees one gets what was asked for before."""
    url = f"/recommendations/{alice.user_id}?limit=20"
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 5})
    asked = {name: value for name, value in serving.items() if name != "head"}
    by_hand = movie_ids(await alice.get(url, params=asked | {"limit": 20}))
    usual = movie_ids(await alice.get(url))
    same = [
        {"name": name, "weight": 0.5, "model_id": trained.id, **serving}
        for name in "AB"
    ]
    plan = planned(trained.id, variants=same)
    created = (await admin.post("/experiments", json=plan)).json()
    await admin.post(f"/experiments/{created['id']}/start")

    reply = await alice.get(url)

    assert [{**v, **serving} for v in created["variants"]] == created["variants"]
    assert reply.json()["experiment"]["id"] == created["id"]
    assert movie_ids(reply) != usual
    assert (movie_ids(reply) == by_hand) == ("head" not in serving)
    assert await count(session, Exposure) == 1


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("asked", ["diversity=0.5", "exploration=0", "diversity=0"])
async def test_a_list_made_to_order_is_no_part_of_the_experiment(alice, session, asked):
    """Nor are the votes on it, so that nobody's choice is credited to a variant."""
    url = f"/recommendations/{alice.user_id}"

    listed = (await alice.get(f"{url}?{asked}")).json()
    await vote(alice, listed, "like")

    assert listed["experiment"] is None
    assert await count(session, Exposure) == 0
    assert await session.scalar(select(Feedback.variant_id)) is None
    assert await count(session, Feedback) == 1
    assert (await alice.get(url)).json()["experiment"] is not None


async def test_a_running_experiment_decides_though_the_list_was_sent_before(
    admin, alice, trained
):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}?limit=5"
    before = [(await alice.get(url)).json() for _ in range(4)]
    created = (await admin.post("/experiments", json=planned(trained.id))).json()

    await admin.post(f"/experiments/{created['id']}/start")
    during = (await alice.get(url)).json()
    await admin.post(f"/experiments/{created['id']}/stop")
    after = (await alice.get(url)).json()

    assert before[3]["experiment"] is after["experiment"] is None
    assert during["experiment"]["id"] == created["id"]
    assert after["items"] == before[3]["items"]


async def test_what_was_seen_first_is_seen_again(alice, session, running):
    """The stored exposure decides, even against the function."""
    url = f"/recommendations/{alice.user_id}"
    assignment = f"/experiments/{running}/assignment/{alice.user_id}"
    first = (await alice.get(url)).json()["experiment"]["variant"]
    other = "A" if first == "B" else "B"
    variant = select(Variant.id).where(Variant.name == other).scalar_subquery()
    await session.execute(update(Exposure).values(variant_id=variant))
    await session.commit()

    again = (await alice.get(url)).json()["experiment"]["variant"]

    assert again == (await alice.get(assignment)).json()["variant"] == other
    assert await count(session, Exposure) == 1


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("name", ["variant", "variant_id", "experiment", "head"])
async def test_nobody_chooses_a_variant(alice, session, name):
    reply = await alice.get(f"/recommendations/{alice.user_id}?{name}=B")

    problem(reply, 422, "invalid-request")
    assert await count(session, Exposure) == 0


async def test_asking_for_the_variant_or_an_explanation_exposes_nobody(
    alice, session, running
):
    await alice.get(f"/experiments/{running}/assignment/{alice.user_id}")
    await alice.get(f"/recommendations/{alice.user_id}/1/explanation")

    assert await count(session, Exposure) == 0


async def test_users_outside_the_traffic_take_no_part(app, admin, session, trained):
    plan = planned(trained.id, traffic_share=0.3)
    experiment = (await admin.post("/experiments", json=plan)).json()
    await admin.post(f"/experiments/{experiment['id']}/start")
    allocation = allocation_of(experiment)
    outside = [u for u in range(1, 30) if allocation.variant_of(u) is None][:5]

    async with keyed(app, admin, "serve") as program:
        for user in outside:
            reply = (await program.get(f"/recommendations/{user}?limit=1")).json()
            path = f"/experiments/{experiment['id']}/assignment/{user}"
            assert reply["experiment"] is None
            assigned = (await program.get(path)).json()
            assert assigned["variant"] is None
            assert not assigned["takes_part"]

    assert len(outside) == 5
    assert await count(session, Exposure) == 0


async def test_a_user_learns_no_variant_but_their_own(alice, bob, app, admin, running):
    url = f"/experiments/{running}/assignment"

    assert (await alice.get(f"{url}/{bob.user_id}")).status_code == 404
    assert (await alice.get(f"{url}/{alice.user_id}")).status_code == 200
    assert (await alice.get(f"/experiments/{running}")).status_code == 404
    assert (await alice.get(f"/experiments/{running}/results")).status_code == 404
    async with keyed(app, admin, "serve") as program:
        assert (await program.get(f"{url}/{UNKNOWN}")).status_code == 404


async def test_a_variant_may_pin_another_model_than_the_active_one(
    alice, admin, session, services, app, models_dir, tmp_path, trained
):
    shutil.copytree(models_dir / "first", tmp_path / "first")
    save_model(trained.model, tmp_path / "second", details={})
    store = ModelStore(tmp_path, services.model_store.session_factory)
    store.current = trained
    app.state.services = replace(services, model_store=store)
    values = {"folder": "second", "manifest": {}}
    second = await session.scalar(insert(Model).values(values).returning(Model.id))
    await session.commit()
    plan = planned(second, variants=[
        {"name": name, "weight": 0.5, "model_id": second} for name in "AB"
    ])  # fmt: skip
    experiment = (await admin.post("/experiments", json=plan)).json()["id"]
    await admin.post(f"/experiments/{experiment}/start")

    during = (await alice.get(f"/recommendations/{alice.user_id}")).json()
    shutil.rmtree(tmp_path / "second")
    still = (await alice.get(f"/recommendations/{alice.user_id}")).json()
    await admin.post(f"/experiments/{experiment}/stop")
    after = (await alice.get(f"/recommendations/{alice.user_id}")).json()

    assert during["model"]["id"] == still["model"]["id"] == second
    assert after["model"]["id"] == trained.id
    assert after["experiment"] is None


async def test_prometheus_hears_of_the_split_of_users_once_there_are_some(
    admin, alice, running
):
    name = f'cinefold_experiment_sample_ratio_p_value{{experiment="{running}"}} '
    before = (await admin.get("/metrics")).text

    await alice.get(f"/recommendations/{alice.user_id}")
    found = (await admin.get("/metrics")).text
    results = (await admin.get(f"/experiments/{running}/results")).json()

    assert name not in before
    told = float(found.partition(name)[2].partition("\n")[0])
    assert told == pytest.approx(results["sample_ratio_p_value"])


@pytest.mark.usefixtures("running")
async def test_a_model_damaged_later_exposes_nobody_and_others_serve(
    alice, session, services, app, tmp_path
):
    store = ModelStore(tmp_path, services.model_store.session_factory)
    app.state.services = replace(services, model_store=store)

    reply = (await alice.get(f"/recommendations/{alice.user_id}")).json()

    assert reply["experiment"] is None
    assert reply["model"] is None
    assert await count(session, Exposure) == 0


async def test_no_more_pinned_models_are_kept_than_an_experiment_can_have(
    services, trained, models_dir
):
    store = ModelStore(models_dir, services.model_store.session_factory)
    row = Model(id=1, folder="first", created_at=trained.created_at)

    for number in range(1, MAX_VARIANTS + 3):
        row.id = number
        assert await store.pinned(row) is not None

    assert len(store._pinned) == MAX_VARIANTS  # noqa: SLF001 - nothing else shows it


# Votes and results.


async def vote(client, list_reply, said: str, index: int = 0):
    return await client.put(
        "/feedback",
        json={
            "recommendation_id": list_reply["recommendation_id"],
            "movie_id": list_reply["items"][index]["movie"]["id"],
            "vote": said,
        },
    )


async def test_votes_count_for_the_variant_while_it_runs_and_never_after(
    alice, admin, session, running
):
    listed = (await alice.get(f"/recommendations/{alice.user_id}")).json()
    name = listed["experiment"]["variant"]
    url = f"/experiments/{running}/results"

    async def counted() -> tuple[int, int]:
        rows = (await admin.get(url)).json()["variants"]
        mine = next(row for row in rows if row["name"] == name)
        assert all(r["n_likes"] == 0 for r in rows if r["name"] != name)
        return mine["n_likes"], mine["n_dislikes"]

    await vote(alice, listed, "like")
    await vote(alice, listed, "like")
    assert await counted() == (1, 0)
    await vote(alice, listed, "dislike")
    await vote(alice, listed, "dislike", 1)
    assert await counted() == (0, 2)
    await vote(alice, listed, "none", 1)
    assert await counted() == (0, 1)
    await admin.post(f"/experiments/{running}/stop")
    assert (await vote(alice, listed, "like")).status_code == 200
    assert await counted() == (0, 1)
    assert await count(session, Feedback) == 2


async def test_forged_votes_change_counted_totals_by_nothing(
    alice, bob, admin, running
):
    await alice.get(f"/recommendations/{alice.user_id}")
    bobs = (await bob.get(f"/recommendations/{bob.user_id}")).json()
    url = f"/experiments/{running}/results"
    before = (await admin.get(url)).json()

    replies = [await vote(alice, bobs, "like")]
    swapped = bobs | {"recommendation_id": bobs["recommendation_id"][::-1]}
    replies.append(await vote(alice, swapped, "like"))
    for _ in range(3):  # a replayed exposure is the same exposure
        await alice.get(f"/recommendations/{alice.user_id}")

    assert [reply.status_code for reply in replies] == [404, 422]
    assert (await admin.get(url)).json() == before


async def exposed(
    session, experiment: int, votes: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[list[int]]:
    """Add users of each variant with these numbers of likes and dislikes."""
    movies = (await session.scalars(select(Movie.id).order_by(Movie.id))).all()
    variant_ids = (
        await session.scalars(
            select(Variant.id)
            .where(Variant.experiment_id == experiment)
            .order_by(Variant.position)
        )
    ).all()
    added = []
    for variant_id, (likes, dislikes) in zip(variant_ids, votes, strict=True):
        empty = [{"is_admin": False} for _ in likes]
        users = (
            await session.scalars(insert(User).values(empty).returning(User.id))
        ).all()
        rows = [
            {"experiment_id": experiment, "user_id": user, "variant_id": variant_id}
            for user in users
        ]
        await session.execute(insert(Exposure), rows)
        cast = [
            {
                "user_id": user,
                "movie_id": movies[n],
                "variant_id": variant_id,
                "is_like": n < n_likes,
            }
            for user, n_likes, n_dislikes in zip(users, likes, dislikes, strict=True)
            for n in range(int(n_likes + n_dislikes))
        ]
        if cast:
            await session.execute(insert(Feedback), cast)
        added.append(list(users))
    await session.commit()
    return added


def drawn(rng, n_users, share, n_votes=5):
    chances = rng.beta(9 * share, 9 * (1 - share), n_users)
    likes = rng.binomial(n_votes, chances)
    return likes, n_votes - likes


async def test_results_are_those_of_the_engine_on_what_is_stored(
    admin, session, running
):
    rng = np.random.default_rng(1)
    groups = [drawn(rng, 200, 0.5), drawn(rng, 210, 0.75)]
    await exposed(session, running, groups)

    found = (await admin.get(f"/experiments/{running}/results")).json()

    totals = [[int(part.sum()) for part in group] for group in groups]
    pearson = stats.chi2_contingency(totals, correction=False)
    yates = stats.chi2_contingency(totals, correction=True)
    assert [[v["n_likes"], v["n_dislikes"]] for v in found["variants"]] == totals
    assert [v["n_users"] for v in found["variants"]] == [200, 210]
    assert found["variants"][0]["like_share"] == totals[0][0] / 1000
    assert found["variants"][0]["net_likes_per_user"] == pytest.approx(
        (totals[0][0] - totals[0][1]) / 200
    )
    tests = found["chi_square"]
    assert tests["pearson"]["p_value"] == pytest.approx(pearson.pvalue, rel=1e-9)
    assert tests["yates"]["statistic"] == pytest.approx(yates.statistic, rel=1e-9)
    assert tests["rao_scott"]["statistic"] < tests["pearson"]["statistic"]
    assert found["sample_ratio_p_value"] == pytest.approx(
        stats.chisquare([200, 210]).pvalue, rel=1e-9
    )
    comparison = found["comparisons"][0]
    shares = [likes / 5 for likes, _ in groups]
    welch = stats.ttest_ind(shares[1], shares[0], equal_var=False)
    assert comparison["fixed"]["p_value"] == pytest.approx(welch.pvalue, rel=1e-9)
    assert found["verdict"]["kind"] == "better"
    assert found["verdict"]["text"].startswith("B is better by")
    assert not found["is_adjusted_for_past"]
    assert sum(day["n_users"] for day in found["timeline"]) == 410
    assert sum(day["n_likes"] for day in found["timeline"]) == sum(
        likes for likes, _ in totals
    )


async def test_votes_cast_before_narrow_the_interval(admin, session, running):
    rng = np.random.default_rng(2)
    groups = [drawn(rng, 150, 0.5), drawn(rng, 150, 0.5)]
    added = await exposed(session, running, groups)
    plain = (await admin.get(f"/experiments/{running}/results")).json()
    movies = (await session.scalars(select(Movie.id).order_by(Movie.id))).all()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    past = [
        {
            "user_id": user,
            "movie_id": movies[n],
            "is_like": n < likes + rng.integers(2),
            "voted_at": yesterday,
        }
        for users, (counts, _) in zip(added, groups, strict=True)
        for user, likes in zip(users, counts, strict=True)
        for n in range(6)
    ]
    await session.execute(insert(Feedback), past)
    await session.commit()

    adjusted = (await admin.get(f"/experiments/{running}/results")).json()

    assert adjusted["is_adjusted_for_past"]
    errors = [r["comparisons"][0]["fixed"]["standard_error"] for r in (plain, adjusted)]
    assert errors[1] < errors[0] / 2
    assert adjusted["variants"] == plain["variants"]


async def test_looks_are_those_of_the_engine_on_each_day(admin, session, running):
    """Users come on three days; the first is too early, the last is what counts now."""
    rng = np.random.default_rng(5)
    added = await exposed(session, running, [drawn(rng, 90, 0.5), drawn(rng, 90, 0.7)])
    today = datetime.now(UTC)
    for day in range(3):
        came = [user for users in added for user in users[30 * day : 30 * day + 30]]
        moment = today - timedelta(days=2 - day)
        for table, column in ((Exposure, "exposed_at"), (Feedback, "voted_at")):
            those = update(table).where(table.user_id.in_(came))
            await session.execute(those.values({column: moment}))
    await session.commit()

    found = (await admin.get(f"/experiments/{running}/results")).json()

    looks, now = found["looks"], found["comparisons"][0]
    assert [look["day"] for look in looks] == [
        (today - timedelta(days=1)).date().isoformat(),
        today.date().isoformat(),
    ]
    assert looks[-1] == {
        "day": looks[-1]["day"],
        "variant": "B",
        "value": now["fixed"]["value"],
        "low": now["anytime"]["low"],
        "high": now["anytime"]["high"],
    }
    assert looks[0]["high"] - looks[0]["low"] > looks[1]["high"] - looks[1]["low"]


async def test_before_anybody_is_exposed_results_say_so(admin, running):
    found = (await admin.get(f"/experiments/{running}/results")).json()

    assert found["verdict"] == {
        "kind": "too_early",
        "text": "nobody has been exposed yet",
    }
    assert found["comparisons"] == found["timeline"] == found["looks"] == []
    assert set(found["chi_square"].values()) == {None}
    assert found["sample_ratio_p_value"] is None
    assert [v["like_share"] for v in found["variants"]] == [None, None]


async def test_a_broken_split_hides_the_verdict(admin, session, running):
    rng = np.random.default_rng(3)
    await exposed(session, running, [drawn(rng, 60, 0.2), drawn(rng, 140, 0.9)])

    found = (await admin.get(f"/experiments/{running}/results")).json()

    assert found["verdict"]["kind"] == "unhealthy"
    assert found["sample_ratio_p_value"] < 0.001


# Exports.


async def test_exposures_are_exported_as_lines_of_json_and_csv(admin, session, draft):
    await session.execute(update(Variant).where(Variant.name == "B").values(name="=B"))
    await session.commit()
    await admin.post(f"/experiments/{draft}/start")
    groups = [
        (np.array([2, 0]), np.array([1, 0])),
        (np.array([0, 3, 1]), np.array([2, 0, 1])),
    ]
    await exposed(session, draft, groups)
    url = f"/experiments/{draft}/exposures"

    lines = (await admin.get(url)).text.splitlines()
    table = await admin.get(f"{url}?format=csv")

    rows = [json.loads(line) for line in lines]
    parsed = list(csv.DictReader(io.StringIO(table.text)))
    assert table.headers["content-type"].startswith("text/csv")
    assert Counter(row["variant"] for row in rows) == {"A": 2, "=B": 3}
    assert [(row["likes"], row["dislikes"]) for row in rows] == [
        (2, 1),
        (0, 0),
        (0, 2),
        (3, 0),
        (1, 1),
    ]
    assert [row["variant"] for row in parsed] == ["A", "A", "'=B", "'=B", "'=B"]
    for line, cells in zip(rows, parsed, strict=True):
        assert str(line["user_id"]) == cells["user_id"]
        assert line["exposed_at"] == cells["exposed_at"]
        assert line["exposed_at"].endswith("Z")
    assert (await admin.get(f"{url}?format=xml")).status_code == 422


# Power.

ASSUMED = {"like_share": 0.6, "votes_per_user": 10, "design_effect": 1.9}


async def test_power_by_assumption_is_that_of_the_calculator(admin):
    body = {"metric": "like_share", "minimum_effect": 0.05, "assumed": ASSUMED}

    found = (await admin.post("/experiments/power", json=body)).json()

    assert found["n_users_one_look"] == 573  # the example in the docs
    assert found["n_users_any_time"] == 1097
    assert found["n_users_observed"] == 0
    assert found["design_effect"] == 1.9


async def test_power_learns_from_the_votes_of_the_service(admin, session, running):
    rng = np.random.default_rng(4)
    groups = [drawn(rng, 120, 0.6), drawn(rng, 120, 0.6)]
    await exposed(session, running, groups)
    body = {"metric": "net_likes_per_user", "minimum_effect": 0.5}

    found = (await admin.post("/experiments/power", json=body)).json()

    nets = np.concatenate([likes - dislikes for likes, dislikes in groups])
    assert found["n_users_observed"] == 240
    assert found["votes_per_user"] == 5
    assert found["deviation"] == pytest.approx(nets.std(ddof=1), rel=1e-12)
    assert found["design_effect"] > 1
    assert found["n_users_any_time"] > found["n_users_one_look"]


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({}, "assumed", "no_votes"),
        ({"assumed": ASSUMED}, "assumed", "metric"),
        ({"control_weight": 0.7}, "treatment_weight", "weights"),
    ],
)
async def test_power_says_what_it_lacks(admin, changed, field, code):
    body = {"metric": "likes_per_user", "minimum_effect": 0.1, **changed}

    reply = await admin.post("/experiments/power", json=body)

    problem(reply, 422, "invalid-request")
    assert [(e["field"], e["code"]) for e in reply.json()["errors"]] == [
        (["body", field], code)
    ]


# Simulation.


async def test_a_simulation_is_that_of_the_engine(admin):
    body = {
        "n_users": 60,
        "n_experiments": 300,
        "n_days": 5,
        "effect": 0.05,
        "seed": 7,
    }

    found = (await admin.post("/experiments/simulation", json=body)).json()

    trial = Trial(n_users=60, effect=0.05)
    once = fixed_horizon(trial, n_experiments=300, rng=np.random.default_rng(7))
    daily = daily_looks(
        trial, n_days=5, n_experiments=300, rng=np.random.default_rng(7)
    )
    for rates, measured in ((found["one_look"], once), (found["daily_looks"], daily)):
        assert rates == [
            {"name": rate.name, "rejected": rate.rejected, "covered": rate.covered}
            for rate in measured
        ]
    assert found["power"] == pytest.approx(trial.power)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"n_experiments": 1001}, "n_experiments"),
        ({"n_users": 301}, "n_users"),
        ({"like_share": 0.6, "effect": 0.4}, "effect"),
        ({"correlation": 0}, "correlation"),
        ({"like_share": 0.999, "n_users": 50}, "like_share"),  # all likes, at times
    ],
)
async def test_a_simulation_is_bounded(admin, changed, field):
    reply = await admin.post("/experiments/simulation", json=changed)

    problem(reply, 422, "invalid-request")
    assert ["body", field] in [error["field"] for error in reply.json()["errors"]]
