"""Browsing and searching movies."""

import random

import pytest
from sqlalchemy import text

from tests.conftest import Client

pytestmark = pytest.mark.anyio

TOY_STORY, USUAL_SUSPECTS = 1, 50
UNKNOWN = 2_000_000_000


async def titles(client: Client, query: str, limit: int = 5) -> list[str]:
    """Search and return the titles found."""
    reply = await client.get("/movies", params={"query": query, "limit": limit})
    assert reply.status_code == 200, reply.text
    return [movie["title"] for movie in reply.json()["items"]]


async def walk(client: Client, url: str, limit: int = 100) -> list[int]:
    """Follow the cursors to the end and return all movie ids."""
    movie_ids: list[int] = []
    cursor = ""
    while True:
        page = (await client.get(f"{url}&limit={limit}{cursor}")).json()
        movie_ids += [movie["id"] for movie in page["items"]]
        if page["next_cursor"] is None:
            return movie_ids
        cursor = f"&cursor={page['next_cursor']}"


# Search.


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("toy story", "Toy Story"),
        ("toy stroy", "Toy Story"),
        ("TOY  STORY", "Toy Story"),
        ("the usual suspects", "Usual Suspects, The"),
        ("usual suspect", "Usual Suspects, The"),
        ("pulp ficton", "Pulp Fiction"),
        ("shawshenk redemption", "Shawshank Redemption, The"),
        ("matrix", "Matrix, The"),
        ("matirx", "Matrix, The"),
        ("up", "Up"),
        ("star trek", "Star Trek: Generations"),
        ("silence of the lams", "Silence of the Lambs, The"),
    ],
)
async def test_a_title_is_found_in_spite_of_typing_errors(anonymous, query, title):
    assert (await titles(anonymous, query))[0] == title


@pytest.mark.parametrize(
    ("query", "part"),
    [("amelie", "Amelie"), ("Amélie", "Amelie"), ("star wors", "Star Wars")],
)
async def test_accents_and_wrong_letters_do_not_hide_a_title(anonymous, query, part):
    assert part in (await titles(anonymous, query))[0]


async def test_a_title_is_found_while_it_is_being_typed(anonymous):
    for length in range(3, len("forrest gump") + 1):
        typed = "forrest gump"[:length]
        assert "Forrest Gump" in await titles(anonymous, typed, limit=20), typed


async def test_what_resembles_nothing_finds_nothing(anonymous):
    for query in ("xqzkvw", "!!!", "電影", "-"):
        assert await titles(anonymous, query) == []


async def test_equally_good_matches_come_by_popularity(anonymous):
    found = (await anonymous.get("/movies?query=star+wars&limit=10")).json()["items"]

    assert found[0]["title"].startswith("Star Wars")
    best = [movie for movie in found if movie["title"].startswith("Star Wars: ")]
    counts = [movie["n_ratings"] for movie in best[:3]]
    assert counts == sorted(counts, reverse=True)


async def test_a_search_is_filtered_and_ignores_the_sort(anonymous):
    plain = await anonymous.get("/movies?query=toy+story")
    sorted_ = await anonymous.get("/movies?query=toy+story&sort=year")
    filtered = await anonymous.get("/movies?query=toy+story&year_to=1996")

    assert plain.json() == sorted_.json()
    years = [movie["year"] for movie in filtered.json()["items"]]
    assert years
    assert max(years) <= 1996


# Filters, orders and cursors.


async def test_filters_keep_what_they_say(anonymous):
    url = "/movies?genre=Animation&year_from=1990&year_to=1995&limit=100"

    movies = (await anonymous.get(url)).json()["items"]

    assert TOY_STORY in {movie["id"] for movie in movies}
    assert all("Animation" in movie["genres"] for movie in movies)
    assert all(1990 <= movie["year"] <= 1995 for movie in movies)


async def test_an_unknown_genre_has_no_movies(anonymous):
    reply = await anonymous.get("/movies?genre=animation")

    assert reply.json() == {"items": [], "next_cursor": None}


async def test_filters_count_like_sql(anonymous, connection):
    condition = "'Horror' = ANY(genres) AND year BETWEEN 1970 AND 1989"
    query = text(f"SELECT id FROM movies WHERE {condition}")  # noqa: S608 - literal
    expected = set(await connection.scalars(query))

    found = await walk(anonymous, "/movies?genre=Horror&year_from=1970&year_to=1989")

    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("popular", "coalesce(n_ratings, 0) DESC, id"),
        ("title", "lower(title), id"),
        ("year", "year DESC NULLS LAST, id"),
    ],
)
async def test_cursors_visit_every_movie_once_in_order(
    anonymous, connection, sort, order
):
    query = (
        "SELECT id FROM movies LEFT JOIN movie_statistics ON movie_id = id "  # noqa: S608 - literal
        f"ORDER BY {order}"
    )
    expected = list(await connection.scalars(text(query)))

    assert await walk(anonymous, f"/movies?sort={sort}") == expected


async def test_polarizing_movies_come_by_variance_and_no_rarely_rated_one(
    anonymous, connection
):
    query = (
        "SELECT movie_id FROM ratings GROUP BY movie_id HAVING count(*) >= 10 "
        "ORDER BY var_pop(round(2 * value)::integer) DESC, movie_id"
    )
    expected = list(await connection.scalars(text(query)))

    assert await walk(anonymous, "/movies?sort=polarizing", limit=50) == expected


async def test_cursors_visit_every_match_of_a_search_once(anonymous):
    url = "/movies?query=star+wars"
    reply = await anonymous.get(f"{url}&limit=100")
    all_at_once = [movie["id"] for movie in reply.json()["items"]]

    found = await walk(anonymous, url, limit=7)

    assert len(found) == len(set(found)) > 21
    assert found[:100] == all_at_once


async def test_the_longest_titles_can_be_paged_past(anonymous, connection):
    long = "🎬" * 300
    await connection.execute(
        text("INSERT INTO movies (id, title) VALUES (:a, :t), (:b, :t)"),
        {"a": UNKNOWN, "b": UNKNOWN + 1, "t": long},
    )

    found = await walk(anonymous, "/movies?sort=title")

    assert found[-2:] == [UNKNOWN, UNKNOWN + 1]


async def test_movies_are_read_together_by_id(anonymous):
    wanted = [USUAL_SUSPECTS, TOY_STORY, UNKNOWN]
    query = "&".join(f"movie_id={i}" for i in wanted)

    page = (await anonymous.get(f"/movies?sort=title&{query}")).json()
    none = (await anonymous.get(f"/movies?genre=Western&{query}")).json()

    assert [movie["id"] for movie in page["items"]] == [TOY_STORY, USUAL_SUSPECTS]
    assert page["next_cursor"] is None
    assert none["items"] == []


async def test_histograms_are_read_together_as_each_movie_tells_its_own(anonymous):
    wanted = [USUAL_SUSPECTS, TOY_STORY, UNKNOWN, TOY_STORY]
    query = "&".join(f"movie_id={i}" for i in wanted)

    items = (await anonymous.get(f"/movies/histograms?{query}")).json()["items"]
    none = (await anonymous.get("/movies/histograms")).json()

    assert [item["movie_id"] for item in items] == [USUAL_SUSPECTS, TOY_STORY]
    for item in items:
        movie = (await anonymous.get(f"/movies/{item['movie_id']}")).json()
        assert item["histogram"] == movie["histogram"]
    assert none == {"items": []}


# One movie.


async def test_a_movie_tells_its_histogram_and_its_ids_elsewhere(anonymous, connection):
    identify = text("UPDATE movies SET imdb_id = 114709, tmdb_id = 862 WHERE id = 1")
    await connection.execute(identify)
    query = text("SELECT value, count(*) FROM ratings WHERE movie_id = 1 GROUP BY 1")
    counts = {row[0]: row[1] for row in await connection.execute(query)}

    movie = (await anonymous.get(f"/movies/{TOY_STORY}")).json()

    assert movie["title"] == "Toy Story"
    assert movie["year"] == 1995
    assert "Animation" in movie["genres"]
    assert movie["imdb_id"] == 114709
    assert movie["tmdb_id"] == 862
    assert [b["value"] for b in movie["histogram"]] == [i / 2 for i in range(1, 11)]
    assert {b["value"]: b["count"] for b in movie["histogram"] if b["count"]} == counts
    assert movie["n_ratings"] == sum(counts.values())
    total = sum(value * count for value, count in counts.items())
    assert movie["mean_rating"] == pytest.approx(total / movie["n_ratings"])


async def test_a_movie_tells_on_how_many_others_opinions_differ_less(anonymous):
    async def calmer_share(movie_id: int) -> float | None:
        share: float | None = (await anonymous.get(f"/movies/{movie_id}")).json()[
            "calmer_share"
        ]
        return share

    order = await walk(anonymous, "/movies?sort=polarizing")

    assert await calmer_share(order[0]) == pytest.approx(1 - 1 / len(order))
    assert await calmer_share(order[-1]) == 0
    rarely_rated = (await walk(anonymous, "/movies?sort=popular"))[-1]
    assert await calmer_share(rarely_rated) is None


async def test_a_movie_nobody_rated_has_no_mean(anonymous, connection):
    await connection.execute(
        text("INSERT INTO movies (id, title) VALUES (:id, 'New')"), {"id": UNKNOWN}
    )

    movie = (await anonymous.get(f"/movies/{UNKNOWN}")).json()

    assert movie["n_ratings"] == 0
    assert movie["mean_rating"] is None
    assert movie["year"] is None
    assert not any(b["count"] for b in movie["histogram"])


async def test_an_unknown_movie_is_404(anonymous):
    for path in (f"/movies/{UNKNOWN}", f"/movies/{UNKNOWN}/similar"):
        assert (await anonymous.get(path)).status_code == 404


async def test_genres_count_their_movies(anonymous, connection):
    genres = (await anonymous.get("/genres")).json()["items"]

    names = [genre["name"] for genre in genres]
    assert names == sorted(names)
    counts = {genre["name"]: genre["n_movies"] for genre in genres}
    drama = text("SELECT count(*) FROM movies WHERE 'Drama' = ANY(genres)")
    assert counts["Drama"] == await connection.scalar(drama)


# Similar movies.


async def test_similar_movies_come_nearest_first_without_the_movie_itself(
    anonymous, trained
):
    reply = (await anonymous.get(f"/movies/{TOY_STORY}/similar?limit=20")).json()

    similarities = [item["similarity"] for item in reply["items"]]
    assert reply["model"]["id"] == trained.id
    assert len(similarities) == 20
    assert similarities == sorted(similarities, reverse=True)
    assert all(-1 <= similarity <= 1 for similarity in similarities)
    assert TOY_STORY not in {item["movie"]["id"] for item in reply["items"]}


async def test_a_movie_new_to_the_model_resembles_none_yet(
    anonymous, connection, trained
):
    await connection.execute(
        text("INSERT INTO movies (id, title) VALUES (:id, 'New')"), {"id": UNKNOWN}
    )

    reply = (await anonymous.get(f"/movies/{UNKNOWN}/similar")).json()

    assert reply["model"]["id"] == trained.id
    assert reply["items"] == []


async def test_without_a_model_no_movie_resembles_another(anonymous, services):
    services.model_store.current = None

    reply = (await anonymous.get(f"/movies/{TOY_STORY}/similar")).json()

    assert reply == {"model": None, "items": []}


async def test_movies_that_have_gone_are_left_out(anonymous, connection):
    before = (await anonymous.get(f"/movies/{TOY_STORY}/similar?limit=3")).json()
    gone = before["items"][0]["movie"]["id"]
    await connection.execute(text("DELETE FROM movies WHERE id = :id"), {"id": gone})

    after = (await anonymous.get(f"/movies/{TOY_STORY}/similar?limit=3")).json()

    assert after["items"] == before["items"][1:]


# The statistics that a trigger keeps.

COUNTED = text("""
    SELECT movie_id, count(*), sum((value * 2)::bigint),
           sum((value * 2)::bigint * (value * 2)::bigint)
    FROM ratings WHERE movie_id IN (1, 2, 3) GROUP BY movie_id ORDER BY movie_id
""")
KEPT = text("""
    SELECT movie_id, n_ratings, half_stars_sum, half_stars_sum_squares
    FROM movie_statistics WHERE movie_id IN (1, 2, 3) AND n_ratings > 0
    ORDER BY movie_id
""")
WRITE = """
INSERT INTO ratings SELECT u, m, :value, now()
FROM generate_series(1, :user) u, generate_series(1, :movie) m ON CONFLICT DO NOTHING;
INSERT INTO ratings VALUES (:user, :movie, :value, now())
ON CONFLICT (user_id, movie_id) DO UPDATE SET value = excluded.value;
UPDATE ratings SET value = :value WHERE user_id % 7 = :user % 7 AND movie_id <= 3;
UPDATE ratings SET movie_id = 3 WHERE user_id = :user AND movie_id = :movie
AND NOT EXISTS (SELECT FROM ratings WHERE user_id = :user AND movie_id = 3);
DELETE FROM ratings WHERE user_id = :user AND movie_id <= :movie;
DELETE FROM ratings WHERE user_id % 5 = :user % 5 AND movie_id = :movie
"""


async def test_statistics_stay_exact_whatever_is_written(connection):
    rng = random.Random(0)

    for _ in range(60):
        values = {
            "user": rng.randint(1, 60),
            "movie": rng.randint(1, 3),
            "value": rng.randint(1, 10) / 2,
        }
        await connection.execute(text(rng.choice(WRITE.split(";"))), values)

        counted = (await connection.execute(COUNTED)).all()
        assert (await connection.execute(KEPT)).all() == counted


async def test_a_rating_shows_in_the_movie_at_once(anonymous, alice):
    before = (await anonymous.get(f"/movies/{USUAL_SUSPECTS}")).json()

    await alice.put(f"/ratings/{alice.user_id}/{USUAL_SUSPECTS}", json={"value": 0.5})
    rated = (await anonymous.get(f"/movies/{USUAL_SUSPECTS}")).json()
    await alice.delete(f"/ratings/{alice.user_id}/{USUAL_SUSPECTS}")
    after = (await anonymous.get(f"/movies/{USUAL_SUSPECTS}")).json()

    assert rated["n_ratings"] == before["n_ratings"] + 1
    assert rated["mean_rating"] < before["mean_rating"]
    assert after == before
