"""Dummy users and expectations."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from api.services import diagnostics
from api.services.maps import axes_of
from api.tables import Expectation, Model
from engine.insights import principal_axes
from engine.model.files import save_model
from engine.serving.fold_in import fold_in
from tests.api.test_models import folders as folders  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000
TOY_STORY, TOY_STORY_2 = 1, 3114
LOVED = [{"movie_id": TOY_STORY, "value": 5.0}]
EXPECTATION = {
    "name": "Toy Story leads to its sequel",
    "ratings": LOVED,
    "expected": [{"movie_id": TOY_STORY_2, "within": 10}],
}


async def test_a_dummy_user_gets_a_list_reasons_and_a_place(admin, trained):
    reply = await admin.post("/diagnostics/dummy-user", json={"ratings": LOVED})

    found = reply.json()
    items = found["recommendations"]["items"]
    model = trained.model.rating
    folded_user = fold_in(
        model, trained.model.item_indices_of([TOY_STORY]), np.array([5.0])
    )
    axes = principal_axes(model.item_factors, 3).axes
    assert TOY_STORY_2 in [item["movie"]["id"] for item in items]
    assert items[0]["reasons"][0]["movie_id"] == TOY_STORY
    assert len(items) == 10
    np.testing.assert_allclose(found["position"], axes @ folded_user.factors, atol=1e-9)


async def test_a_dummy_user_can_try_a_model_that_does_not_serve(
    admin, session, folders, trained
):
    head = replace(trained.model.rating, global_mean=1.0)
    manifest = save_model(
        replace(trained.model, rating=head), folders / "gloomy", details={}
    )
    session.add(Model(id=91, folder="gloomy", manifest=asdict(manifest)))
    session.add(Model(id=92, folder="nowhere", manifest=asdict(manifest)))
    await session.commit()

    async def stars(**body: object) -> list[float]:
        body = {"ratings": [], **body}
        reply = await admin.post("/diagnostics/dummy-user", json=body)
        assert reply.json()["recommendations"]["model"]["id"] == body.get(
            "model_id", trained.id
        )
        items = reply.json()["recommendations"]["items"]
        return [item["predicted_rating"] for item in items]

    assert max(await stars(model_id=91)) < min(await stars())
    for model_id, status in ((92, 409), (UNKNOWN, 404)):
        body = {"ratings": [], "model_id": model_id}
        reply = await admin.post("/diagnostics/dummy-user", json=body)
        assert reply.status_code == status


async def test_without_a_model_a_dummy_user_has_no_place(admin, services):
    services.model_store.current = None

    reply = await admin.post("/diagnostics/dummy-user", json={"ratings": LOVED})

    assert reply.json()["position"] == []
    assert reply.json()["recommendations"]["model"] is None


def test_a_model_of_biases_has_no_axes(trained):
    head = trained.model.rating
    plain = replace(head, item_factors=head.item_factors[:, :0])

    assert axes_of(plain).shape == (0, 0)


async def test_an_expectation_is_kept_listed_and_given_up(admin):
    created = await admin.post("/diagnostics/expectations", json=EXPECTATION)
    listed = (await admin.get("/diagnostics/expectations")).json()["items"]
    path = f"/diagnostics/expectations/{created.json()['id']}"
    deleted = [(await admin.delete(path)).status_code for _ in range(2)]

    assert created.status_code == 201
    assert listed == [created.json()]
    assert {name: listed[0][name] for name in EXPECTATION} == EXPECTATION
    assert deleted == [204, 404]
    assert (await admin.get("/diagnostics/expectations")).json()["items"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"ratings": []},
        {"ratings": [{"movie_id": 1, "value": 5.5}]},
        {"ratings": LOVED * 2},
        {"expected": []},
        {"expected": [{"movie_id": 2}, {"movie_id": 2}]},
        {"expected": [{"movie_id": 2, "within": 101}]},
        {"code": "import os"},
    ],
)
async def test_an_expectation_that_makes_no_sense_is_422(admin, change):
    body = {**EXPECTATION, **change}

    reply = await admin.post("/diagnostics/expectations", json=body)

    assert reply.status_code == 422
    assert (await admin.get("/diagnostics/expectations")).json()["items"] == []


async def test_names_are_unique_and_their_number_has_an_end(admin, monkeypatch):
    monkeypatch.setattr(diagnostics, "MAX_EXPECTATIONS", 2)

    statuses = [
        (
            await admin.post(
                "/diagnostics/expectations", json={**EXPECTATION, "name": name}
            )
        ).status_code
        for name in ("a", "a", "b", "c")
    ]

    assert statuses == [201, 409, 201, 409]


@pytest.mark.parametrize(
    ("movie_id", "within", "meets"),
    [(TOY_STORY_2, 10, True), (TOY_STORY, 100, False), (UNKNOWN, 100, False)],
)
def test_a_model_meets_what_it_recommends(trained, movie_id, within, meets):
    # Ratings the model does not know count for nothing.
    ratings = [*LOVED, {"movie_id": UNKNOWN, "value": 1.0}]
    expected = [{"movie_id": movie_id, "within": within}]
    expectation = Expectation(name="it", ratings=ratings, expected=expected)

    failed = diagnostics.failures(trained.model, [expectation])

    assert failed == ([] if meets else ["it"])


def test_one_place_too_low_is_too_low(trained):
    model = trained.model
    folded_user = fold_in(
        model.ranking, model.item_indices_of([TOY_STORY]), np.array([5.0])
    )
    scores = model.ranking.scores(folded_user)
    scores[model.item_indices_of([TOY_STORY])] = -np.inf
    third = int(model.item_ids[np.argsort(-scores, kind="stable")[2]])

    def met(within: int) -> bool:
        expected = [{"movie_id": third, "within": within}]
        expectation = Expectation(name="it", ratings=LOVED, expected=expected)
        return diagnostics.failures(model, [expectation]) == []

    assert [met(within) for within in (1, 2, 3, 4)] == [False, False, True, True]
