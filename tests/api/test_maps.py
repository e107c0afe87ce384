"""Maps: the factor space of a model, seen along its principal axes."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from api.services.maps import RIDGE, genre_weights
from api.tables import Model
from engine.insights import principal_axes
from engine.model.configuration import BIASES
from engine.model.files import save_model
from engine.model.heads import RidgeHead, Unobserved
from engine.serving.fold_in import fold_in
from tests.api.test_models import folders as folders  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000


@pytest.mark.parametrize("dims", [2, 3])
async def test_movies_lie_where_the_principal_axes_put_them(alice, trained, dims):
    reply = await alice.get(f"/models/{trained.id}/map?dims={dims}")

    found = reply.json()
    model = trained.model
    axes = principal_axes(model.rating.item_factors, dims)
    rows = model.item_indices_of(found["ids"])
    assert found["model"]["id"] == trained.id
    assert found["explained"] == pytest.approx(axes.explained.tolist())
    np.testing.assert_allclose(
        found["coordinates"], axes.coordinates[rows].T, atol=1e-4
    )
    assert found["n_ratings"] == model.item_counts[rows].tolist()
    assert len(found["ids"]) == (model.item_counts > 0).sum()
    toy_story = found["ids"].index(1)
    assert found["years"][toy_story] == 1995
    names = {found["genre_names"][n] for n in found["genres"][toy_story]}
    assert {"Animation", "Comedy"} <= names


async def test_genres_lie_along_the_axes_of_their_directions(alice, trained):
    reply = await alice.get(f"/models/{trained.id}/map?of=genres&dims=3")

    found = reply.json()
    assert len(found["names"]) == len(found["n_movies"]) > 15
    assert [len(axis) for axis in found["coordinates"]] == [len(found["names"])] * 3
    assert sorted(found["explained"], reverse=True) == found["explained"]
    assert 0 < sum(found["explained"]) <= 1


@pytest.mark.parametrize("dims", [2, 3])
async def test_a_user_lies_where_their_taste_points(alice, bob, trained, dims):
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 5})
    path = f"/models/{trained.id}/map/users/{alice.user_id}?dims={dims}"

    anothers = await bob.get(path)
    found = (await alice.get(path)).json()

    head = trained.model.rating
    rows = trained.model.item_indices_of([1])
    folded_user = fold_in(head, rows, np.array([5], dtype=np.float32))
    axes = principal_axes(head.item_factors, dims).axes
    assert anothers.status_code == 404
    assert found["model"]["id"] == trained.id
    assert found["n_ratings_used"] == 1
    np.testing.assert_allclose(found["position"], axes @ folded_user.factors, atol=1e-4)


async def test_the_position_on_an_unknown_map_is_404(alice):
    reply = await alice.get(f"/models/{UNKNOWN}/map/users/{alice.user_id}")

    assert reply.status_code == 404


def test_genre_directions_are_the_minimum_of_the_ridge():
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((50, 4)).astype(np.float32)
    membership = rng.random((50, 6)) < 0.3

    weights = genre_weights(factors, membership)

    misfit = factors - membership @ weights
    np.testing.assert_allclose(membership.T @ misfit, RIDGE * weights, atol=1e-6)


async def test_a_map_is_sent_once(alice, trained):
    path = f"/models/{trained.id}/map"
    first = await alice.get(path)
    tag = first.headers["etag"]

    again = await alice.get(path, headers={"If-None-Match": tag})
    other = await alice.get(f"{path}?dims=3", headers={"If-None-Match": tag})
    gone = await alice.get(
        f"/models/{UNKNOWN}/map", headers={"If-None-Match": f'"{UNKNOWN}-movies-2"'}
    )

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert other.status_code == 200
    assert other.headers["etag"] != tag
    assert gone.status_code == 404
    assert first.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("query", ["of=users", "dims=1", "dims=4", "dims=two"])
async def test_a_map_of_something_else_is_422(alice, trained, query):
    reply = await alice.get(f"/models/{trained.id}/map?{query}")

    assert reply.status_code == 422


@pytest.mark.usefixtures("folders")
async def test_a_map_of_an_unknown_or_damaged_model_is_refused(alice, session):
    session.add(Model(id=77, folder="nowhere", manifest={"model": {}, "details": {}}))
    await session.commit()

    assert (await alice.get(f"/models/{UNKNOWN}/map")).status_code == 404
    assert (await alice.get("/models/77/map")).status_code == 409
    assert (await alice.get("/models/77/map?of=genres")).status_code == 409


async def test_a_model_of_biases_has_no_axes(alice, session, folders, trained):
    head = trained.model.rating
    plain = RidgeHead(
        configuration=BIASES,
        global_mean=head.global_mean,
        item_biases=head.item_biases,
        item_factors=head.item_factors[:, :0],
        residual_variance=head.residual_variance,
        unobserved=Unobserved(
            gram=head.unobserved.gram[-1:, -1:], moment=head.unobserved.moment[-1:]
        ),
    )
    model = replace(trained.model, rating=plain)
    manifest = save_model(model, folders / "biases", details={})
    session.add(Model(id=78, folder="biases", manifest=asdict(manifest)))
    await session.commit()

    for of in ("movies", "genres"):
        reply = await alice.get(f"/models/78/map?of={of}")
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["field"] == ["query", "dims"]
