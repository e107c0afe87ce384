"""Interleaved experiments through the API: one list from two variants of one model."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from httpx import Response
from scipy import stats
from sqlalchemy import func, insert, select, update

from api.queries import training
from api.services.experiments import draw_seed
from api.services.model_store import ModelStore
from api.services.signing import SignedList
from api.tables import Exposure, Feedback, Model, Movie, User, Variant
from engine.experiments.interleaving import Interleaved, credit_deviation, team_draft
from engine.experiments.planning import fixed_error
from engine.experiments.sequential import anytime_error
from engine.model.files import save_model
from tests.api.test_experiments import problem, vote
from tests.api.test_recommendations import movie_ids
from tests.conftest import Client, keyed

pytestmark = pytest.mark.anyio

SERVING: tuple[dict[str, Any], ...] = (
    {"head": "ranking"},
    {"head": "rating", "exploration": 0.25},
)


def variants_of(model_id: int, *serving: dict[str, Any]) -> list[dict[str, Any]]:
    """Write variants of one model, halves unless they say otherwise."""
    return [
        {"name": name, "weight": 0.5, "model_id": model_id, **each}
        for name, each in zip("ABC", serving, strict=False)
    ]


def planned(model_id: int, **changed: Any) -> dict[str, Any]:
    """Write a plan that interleaves the two heads of one model."""
    return {
        "name": "Stars beside ranks",
        "hypothesis": "Of one list people like what the rating head put there more",
        "kind": "interleaved",
        "variants": variants_of(model_id, *SERVING),
        "metric": "net_likes_per_user",
        "minimum_effect": 0.5,
        **changed,
    }


@pytest.fixture
async def running(admin, trained):
    """The id of an interleaved experiment that runs."""
    created = await admin.post("/experiments", json=planned(trained.id))
    assert created.status_code == 201, created.text
    started = await admin.post(f"/experiments/{created.json()['id']}/start")
    assert started.status_code == 200, started.text
    return created.json()["id"]


async def variant_ids(session, experiment: int) -> list[int]:
    ids = select(Variant.id).where(Variant.experiment_id == experiment)
    return list(await session.scalars(ids.order_by(Variant.position)))


# Planning.


RATING = {"head": "rating"}
UNEVEN = {"weight": 0.6}, RATING | {"weight": 0.4}
THIRD = {"weight": 1 / 3}


@pytest.mark.parametrize(
    ("metric", "serving", "field", "code"),
    [
        ("like_share", SERVING, "metric", "share"),
        ("likes_per_user", ({}, {}), "variants", "alike"),
        (
            "likes_per_user",
            ({"weight": 0.6}, RATING | {"weight": 0.4}),
            "variants",
            "pair",
        ),
        ("likes_per_user", (THIRD, THIRD | RATING, THIRD), "variants", "pair"),
    ],
)
async def test_only_two_halves_that_differ_are_interleaved(
    admin, trained, metric, serving, field, code
):
    """Refused as a plan and as a change of one."""
    draft = (await admin.post("/experiments", json=planned(trained.id))).json()
    changed = {"metric": metric, "variants": variants_of(trained.id, *serving)}

    replies = await planned_and_changed(admin, draft, changed)

    for reply in replies:
        problem(reply, 422, "invalid-request")
        errors = reply.json()["errors"]
        assert [(e["field"], e["code"]) for e in errors] == [(["body", field], code)]
    assert (await admin.get("/experiments")).json()["items"] == [draft]


async def planned_and_changed(
    admin: Client, draft: dict[str, Any], changed: dict[str, Any]
) -> list[Response]:
    """Send what is to be refused, as a plan of its own and as a change of a draft."""
    plan = planned(draft["variants"][0]["model_id"], **changed)
    path = f"/experiments/{draft['id']}"
    return [
        await admin.post("/experiments", json=plan),
        await admin.patch(path, json=changed, headers={"if-match": '"1"'}),
    ]


async def test_variants_of_two_models_are_not_interleaved(admin, session, trained):
    """A reply names the one model it came from."""
    other = insert(Model).values(folder="nowhere", manifest={}).returning(Model.id)
    second = await session.scalar(other)
    await session.commit()
    draft = (await admin.post("/experiments", json=planned(trained.id))).json()
    changed = {"variants": variants_of(trained.id, {}, {"model_id": second})}

    for reply in await planned_and_changed(admin, draft, changed):
        problem(reply, 422, "invalid-request")
        assert [e["code"] for e in reply.json()["errors"]] == ["several_models"]


async def test_a_split_experiment_becomes_interleaved_only_if_all_of_it_fits(
    admin, trained
):
    plan = planned(trained.id, kind="split", metric="like_share")
    draft = (await admin.post("/experiments", json=plan)).json()
    path, etag = f"/experiments/{draft['id']}", {"if-match": '"1"'}

    refused = await admin.patch(path, json={"kind": "interleaved"}, headers=etag)
    changed = await admin.patch(
        path,
        json={"kind": "interleaved", "metric": "likes_per_user"},
        headers=etag,
    )

    problem(refused, 422, "invalid-request")
    assert changed.json()["kind"] == "interleaved"
    assert changed.json()["variants"] == draft["variants"]


# Who sees what.


async def test_a_list_is_drawn_from_both_variants_and_names_one_model(
    alice, admin, session, trained
):
    """By the draw of the engine, its coins fixed by user and experiment."""
    url = f"/recommendations/{alice.user_id}"
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 5})
    apart = []
    for serving in SERVING:
        variants = variants_of(trained.id, serving, serving)
        plan = planned(trained.id, kind="split", variants=variants)
        split = (await admin.post("/experiments", json=plan)).json()["id"]
        await admin.post(f"/experiments/{split}/start")
        apart.append(movie_ids(await alice.get(f"{url}?limit=20")))
        await admin.post(f"/experiments/{split}/stop")
    created = (await admin.post("/experiments", json=planned(trained.id))).json()
    await admin.post(f"/experiments/{created['id']}/start")

    reply = await alice.get(f"{url}?limit=20")

    rng = np.random.default_rng(draw_seed(created["variant_salt"], alice.user_id))
    drawn = team_draft([np.array(part) for part in apart], 20, rng=rng)
    assert movie_ids(reply) == drawn.item_indices.tolist()
    assert [item["rank"] for item in reply.json()["items"]] == list(range(1, 21))
    assert reply.json()["experiment"] == {"id": created["id"], "variant": None}
    assert reply.json()["model"]["id"] == trained.id
    shown = select(Exposure.variant_id).where(Exposure.experiment_id == created["id"])
    assert (await session.scalars(shown)).all() == [None]


@pytest.mark.usefixtures("running")
async def test_a_longer_list_continues_the_shorter_one(alice, session):
    url = f"/recommendations/{alice.user_id}"

    short, long = [await alice.get(f"{url}?limit={n}") for n in (20, 50)]

    assert len(movie_ids(long)) == 50
    assert movie_ids(long)[:20] == movie_ids(short)
    n_exposures = select(func.count()).select_from(Exposure)
    assert await session.scalar(n_exposures) == 1
    explained = await alice.get(f"{url}/{movie_ids(short)[0]}/explanation")
    assert explained.status_code == 200


@pytest.mark.parametrize("kind", ["split", "interleaved"])
async def test_training_leaves_the_lists_of_a_running_experiment_as_they_are(
    alice, admin, session, services, app, tmp_path, trained, kind
):
    """Another model is published and serves everybody else; not a digit moves."""
    shutil.copytree(services.model_store.models_dir / "first", tmp_path / "first")
    store = ModelStore(tmp_path, services.model_store.session_factory)
    store.current = trained
    app.state.services = replace(services, model_store=store)
    plan = planned(trained.id, kind=kind)
    experiment = (await admin.post("/experiments", json=plan)).json()["id"]
    await admin.post(f"/experiments/{experiment}/start")
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 5})
    url = f"/recommendations/{alice.user_id}?limit=50"
    before = (await alice.get(url)).json()

    ranking = trained.model.ranking
    turned = replace(ranking, item_biases=-ranking.item_biases)
    save_model(replace(trained.model, ranking=turned), tmp_path / "second", details={})
    run_id = await training.add_run(session)
    await training.claim_run(session)
    assert await training.publish(session, run_id, folder="second", manifest={})
    await session.commit()
    await store.refresh()

    during = (await alice.get(url)).json()
    await admin.post(f"/experiments/{experiment}/stop")
    after = (await alice.get(url)).json()
    assert store.current.id != trained.id
    assert during["model"] == before["model"]
    assert during["items"] == before["items"]
    assert after["model"]["id"] == store.current.id
    assert after["items"] != before["items"]


async def test_one_learns_whether_one_takes_part_but_no_variant(
    app, alice, bob, admin, trained
):
    plan = planned(trained.id, traffic_share=0.5)
    experiment = (await admin.post("/experiments", json=plan)).json()["id"]
    await admin.post(f"/experiments/{experiment}/start")
    path = f"/experiments/{experiment}/assignment"

    async with keyed(app, admin, "serve") as program:
        told = {
            user: (await program.get(f"{path}/{user}")).json() for user in range(1, 13)
        }
        shown = {
            user: (await program.get(f"/recommendations/{user}?limit=1")).json()
            for user in told
        }

    parts = {user: reply["takes_part"] for user, reply in told.items()}
    assert set(parts.values()) == {True, False}
    assert {reply["variant"] for reply in told.values()} == {None}
    assert {user: r["experiment"] is not None for user, r in shown.items()} == parts
    assert (await alice.get(f"{path}/{bob.user_id}")).status_code == 404


# Votes.


async def counted(admin, experiment: int) -> list[tuple[int, int]]:
    rows = (await admin.get(f"/experiments/{experiment}/results")).json()["variants"]
    return [(row["n_likes"], row["n_dislikes"]) for row in rows]


async def test_a_vote_counts_for_the_variant_that_contributed_the_movie(
    alice, admin, services, session, running
):
    listed = (await alice.get(f"/recommendations/{alice.user_id}?limit=10")).json()
    secret = await services.signer.secret(session)
    issued = SignedList.read(listed["recommendation_id"], secret)
    shown = [item["movie"]["id"] for item in listed["items"]]
    n_second = len(issued.second_team)

    for index in range(10):
        await vote(alice, listed, "like", index)

    again = (await alice.get(f"/recommendations/{alice.user_id}?limit=10")).json()
    assert list(issued.movie_ids) == shown
    assert issued.second_team < set(shown)
    assert n_second == 5
    assert await counted(admin, running) == [(5, 0), (5, 0)]
    votes = {item["movie"]["id"]: item["vote"] for item in again["items"]}
    assert {votes[movie] for movie in set(shown) & set(votes)} == {"like"}
    await admin.post(f"/experiments/{running}/stop")
    await vote(alice, listed, "dislike")
    assert await counted(admin, running) == [(5, 0), (5, 0)]


async def test_the_last_vote_stands_also_when_the_other_variant_contributes(
    alice, admin, services, session, running, trained
):
    """A list of later ratings may owe the same movie to the other variant."""
    first = (await variant_ids(session, running))[0]
    secret = await services.signer.secret(session)
    movie = 1
    lists = [
        {
            "recommendation_id": SignedList(
                user_id=alice.user_id,
                model_id=trained.id,
                variant_id=first,
                issued_at=int(datetime.now(UTC).timestamp()),
                movie_ids=[movie],
                second_team=frozenset(team),
            ).signed(secret),
            "items": [{"movie": {"id": movie}}],
        }
        for team in ((), (movie,))
    ]
    await alice.get(f"/recommendations/{alice.user_id}")

    await vote(alice, lists[0], "like")
    before = await counted(admin, running)
    await vote(alice, lists[1], "dislike")
    after = await counted(admin, running)
    await vote(alice, lists[0], "none")

    assert before == [(1, 0), (0, 0)]
    assert after == [(0, 0), (0, 1)]
    assert await counted(admin, running) == [(0, 0), (0, 0)]


# Results.


async def exposed(session, experiment: int, likes, dislikes) -> list[int]:
    """Add users with these likes and dislikes, a row a user and a column a team."""
    movies = (await session.scalars(select(Movie.id).order_by(Movie.id))).all()
    variants = await variant_ids(session, experiment)
    empty = [{"is_admin": False} for _ in likes]
    ids = await session.scalars(insert(User).values(empty).returning(User.id))
    users = sorted(ids)
    rows = [{"experiment_id": experiment, "user_id": user} for user in users]
    await session.execute(insert(Exposure), rows)
    cast = [
        {
            "user_id": user,
            "movie_id": movies[20 * team + n],
            "variant_id": variants[team],
            "is_like": n < likes[row, team],
        }
        for row, user in enumerate(users)
        for team in (0, 1)
        for n in range(int(likes[row, team] + dislikes[row, team]))
    ]
    await session.execute(insert(Feedback), cast)
    await session.commit()
    return users


async def test_results_are_those_of_a_paired_test(admin, session, running):
    rng = np.random.default_rng(1)
    likes = rng.binomial(4, [[0.4, 0.7]], (120, 2))
    dislikes = rng.binomial(2, 0.5, (120, 2))
    users = await exposed(session, running, likes, dislikes)
    early = update(Exposure).where(Exposure.user_id.in_(users[:60]))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await session.execute(early.values(exposed_at=yesterday))
    await session.commit()

    found = (await admin.get(f"/experiments/{running}/results")).json()

    net = likes - dislikes
    credit = net[:, 1] - net[:, 0]
    test = stats.ttest_rel(net[:, 1], net[:, 0])
    fixed = found["comparisons"][0]["fixed"]
    assert found["kind"] == "interleaved"
    assert fixed["value"] == pytest.approx(credit.mean())
    assert fixed["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
    interval = test.confidence_interval(0.95)
    assert [fixed["low"], fixed["high"]] == pytest.approx(list(interval))
    assert found["preference"] == {
        "n_wins": int((credit > 0).sum()),
        "n_losses": int((credit < 0).sum()),
        "n_ties": int((credit == 0).sum()),
    }
    assert found["verdict"]["text"].startswith("B is preferred by")
    assert found["sample_ratio_p_value"] is None
    assert set(found["chi_square"].values()) == {None}
    assert [v["n_users"] for v in found["variants"]] == [120, 120]
    assert [v["n_likes"] for v in found["variants"]] == likes.sum(axis=0).tolist()
    assert sum(day["n_users"] for day in found["timeline"]) == 240
    assert found["looks"][-1]["value"] == fixed["value"]


async def test_the_account_export_names_no_variant_of_an_interleaved_list(
    alice, running
):
    await alice.get(f"/recommendations/{alice.user_id}?limit=1")

    (exposure,) = (await alice.get("/me/export")).json()["exposures"]

    assert (exposure["experiment_id"], exposure["variant"]) == (running, None)


async def test_exposures_are_exported_with_a_line_for_each_team(
    admin, session, running
):
    likes, dislikes = np.array([[2, 0], [0, 1]]), np.array([[0, 1], [0, 0]])
    users = await exposed(session, running, likes, dislikes)

    text = (await admin.get(f"/experiments/{running}/exposures")).text

    rows = [json.loads(line) for line in text.splitlines()]
    keys = ("user_id", "variant", "likes", "dislikes")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        (users[0], "A", 2, 0),
        (users[0], "B", 0, 1),
        (users[1], "A", 0, 0),
        (users[1], "B", 1, 0),
    ]


async def test_prometheus_hears_of_no_split_where_there_is_none(admin, alice, running):
    await alice.get(f"/recommendations/{alice.user_id}")

    metrics = (await admin.get("/metrics")).text

    assert f'experiment="{running}"' not in metrics


# Power.


@pytest.mark.parametrize("metric", ["likes_per_user", "net_likes_per_user"])
async def test_power_by_assumption_bounds_the_users_needed(admin, metric):
    assumed = {"like_share": 0.6, "votes_per_user": 6}
    body = {
        "kind": "interleaved",
        "metric": metric,
        "minimum_effect": 0.6,
        "assumed": assumed,
    }

    found = (await admin.post("/experiments/power", json=body)).json()

    deviation = credit_deviation(metric, like_share=0.6, votes_per_user=6)
    assert found["deviation"] == pytest.approx(deviation)
    assert [found["n_users_one_look"], found["n_users_any_time"]] == [
        Interleaved().required_users(deviation, planned_error(0.6), (0.5, 0.5))
        for planned_error in (fixed_error, anytime_error)
    ]


async def test_power_learns_how_much_users_vote(admin, session, running):
    rng = np.random.default_rng(2)
    likes, dislikes = rng.binomial(5, 0.6, (80, 2)), rng.binomial(3, 0.4, (80, 2))
    await exposed(session, running, likes, dislikes)
    body = {
        "kind": "interleaved",
        "metric": "net_likes_per_user",
        "minimum_effect": 0.5,
    }

    found = (await admin.post("/experiments/power", json=body)).json()

    n_votes = (likes + dislikes).sum(axis=1)
    voted = n_votes[n_votes > 0]
    assert found["n_users_observed"] == len(voted)
    assert found["deviation"] == pytest.approx(voted.mean() ** 0.5)


async def test_power_of_a_share_is_refused_for_interleaving(admin):
    body = {"kind": "interleaved", "metric": "like_share", "minimum_effect": 0.1}

    reply = await admin.post("/experiments/power", json=body)

    problem(reply, 422, "invalid-request")
    assert reply.json()["errors"][0]["field"] == ["body", "metric"]
