"""Loading a data set: all of it or nothing, and a reason that can be acted on."""

import zipfile
from codecs import BOM_UTF8
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import psycopg
import pytest

from api.queries import snapshot
from api.queries.snapshot import Snapshot, read_snapshot
from api.services.loading import SAMPLE, Loaded, load
from api.storage.database import migrate
from api.tables import FIRST_REGISTERED_USER_ID
from engine.data.movielens import MovieLens
from engine.errors import DataError
from tests.conftest import create_database
from tests.service import wait_for

MOVIES = b"""movieId,title,genres
1,Toy Story (1995),Animation|Comedy
2,"American President, The (1995)",Drama
3,Caf\xc3\xa9,(no genres listed)
"""
RATINGS = b"""userId,movieId,rating,timestamp
1,1,4.0,964982703
1,2,0.5,964981247
2,1,5.0,1445714835
7,2,2.5,0
"""
LINKS = b"""movieId,imdbId,tmdbId
1,0114709,862
2,0112346,
"""
FILES = {"movies.csv": MOVIES, "ratings.csv": RATINGS, "links.csv": LINKS}
HEADER = b"userId,movieId,rating,timestamp\n"


@pytest.fixture(scope="module")
def migrated(server: str) -> str:
    """A migrated database of this module's own."""
    url = create_database(server, "cinefold_loading")
    migrate(url)
    return url


@pytest.fixture
def url(migrated: str) -> str:
    """That database, empty."""
    with connect(migrated) as connection:
        connection.execute("TRUNCATE users, movies CASCADE")
    return migrated


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect without SQLAlchemy."""
    return psycopg.connect(url.replace("+psycopg", "", 1))


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Run a query."""
    with connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


DIGESTS = [
    "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t)) FROM movies t",
    "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t)) FROM ratings t",
    (
        "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t)) FROM"
        " (SELECT movie_id, n_ratings, half_stars_sum, half_stars_sum_squares"
        "  FROM movie_statistics) t"
    ),
    "SELECT count(*), md5(string_agg(concat(id, username), '' ORDER BY id)) FROM users",
]


def digest(url: str) -> list[tuple[Any, ...]]:
    """Digest everything a data set is stored in, but for when users were made."""
    return [rows(url, query)[0] for query in DIGESTS]


def counted(url: str) -> list[tuple[Any, ...]]:
    """Add the ratings of each movie up."""
    return rows(
        url,
        "SELECT movie_id, count(*)::int, sum(value * 2)::bigint,"
        " sum(value * 2 * value * 2)::bigint FROM ratings GROUP BY 1 ORDER BY 1",
    )


def kept(url: str) -> list[tuple[Any, ...]]:
    """Read the statistics as they are stored."""
    return rows(
        url,
        "SELECT movie_id, n_ratings, half_stars_sum, half_stars_sum_squares"
        " FROM movie_statistics ORDER BY movie_id",
    )


def write(folder: Path, **files: bytes | None) -> Path:
    """Write a small data set with some files replaced, or left out."""
    folder.mkdir(exist_ok=True)
    replaced = {f"{name}.csv": content for name, content in files.items()}
    for name, content in (FILES | replaced).items():
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def load_quietly(url: str, path: Path) -> Loaded:
    """Load a data set without showing how far it is."""
    return load(url, MovieLens.open(path), on_progress=lambda *_: None)


# What is loaded.


def test_the_sample_as_a_zip_gives_the_rows_of_the_folder_twice_over(
    url, database_url, tmp_path
):
    path = tmp_path / "sample.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in SAMPLE.glob("*.csv"):
            archive.write(file, f"ml-sample/{file.name}")

    first = load_quietly(url, path)
    loaded = digest(url)
    second = load_quietly(url, path)

    assert first == second == Loaded(n_movies=9066, n_ratings=100_004)
    assert loaded == digest(database_url)
    assert digest(url) == loaded
    assert kept(url) == counted(url)


def test_every_field_of_a_data_set_is_stored(url, tmp_path):
    loaded = load_quietly(url, write(tmp_path / "small"))

    assert loaded == Loaded(n_movies=3, n_ratings=4)
    query = "SELECT id, title, year, genres, imdb_id, tmdb_id FROM movies ORDER BY id"
    assert rows(url, query) == [
        (1, "Toy Story", 1995, ["Animation", "Comedy"], 114709, 862),
        (2, "American President, The", 1995, ["Drama"], 112346, None),
        (3, "Café", None, [], None, None),
    ]
    query = (
        "SELECT user_id, movie_id, value, extract(epoch FROM rated_at)::bigint"
        " FROM ratings ORDER BY 1, 2"
    )
    assert rows(url, query) == [
        (1, 1, 4.0, 964982703),
        (1, 2, 0.5, 964981247),
        (2, 1, 5.0, 1445714835),
        (7, 2, 2.5, 0),
    ]
    assert rows(url, "SELECT id, username FROM users ORDER BY 1") == [
        (1, None),
        (2, None),
        (7, None),
    ]
    assert kept(url) == counted(url)


@pytest.mark.parametrize(
    "ratings",
    [
        BOM_UTF8 + RATINGS,
        RATINGS.replace(b"\n", b"\r\n"),
        RATINGS.rstrip(b"\n"),
        RATINGS.replace(b"4.0", b"4").replace(b"0.5", b".5"),
    ],
    ids=["byte-order mark", "CRLF", "no last newline", "short numbers"],
)
def test_harmless_differences_of_writing_change_nothing(url, tmp_path, ratings):
    load_quietly(url, write(tmp_path / "plain"))
    expected = digest(url)
    with connect(url) as connection:
        connection.execute("TRUNCATE users, movies CASCADE")

    load_quietly(url, write(tmp_path / "other", ratings=ratings))

    assert digest(url) == expected


def test_a_data_set_without_links_is_complete(url, tmp_path):
    loaded = load_quietly(url, write(tmp_path / "small", links=None))

    assert loaded.n_movies == 3


def test_an_older_layout_is_loaded_like_the_csv_files(url, tmp_path):
    ratings = b"1::1::4::964982703\n2::1::5::1445714835\n"
    (tmp_path / "ratings.dat").write_bytes(ratings)
    (tmp_path / "movies.dat").write_bytes(b"1::Caf\xe9 (1995)::Animation|Comedy\n")

    assert load_quietly(url, tmp_path) == Loaded(n_movies=1, n_ratings=2)

    assert rows(url, "SELECT title, year, genres FROM movies") == [
        ("Caf\xe9", 1995, ["Animation", "Comedy"])
    ]
    assert rows(url, "SELECT user_id, value FROM ratings ORDER BY 1") == [
        (1, 4.0),
        (2, 5.0),
    ]


def test_a_later_file_replaces_what_it_names_and_keeps_the_rest(url, tmp_path):
    load_quietly(url, write(tmp_path / "old"))
    newer = HEADER + b"1,1,1.5,1500000000\n9,3,3.0,1500000000\n"
    movies = MOVIES.replace(b"Toy Story (1995)", b"Toy Story 1 (1996)")

    load_quietly(url, write(tmp_path / "new", ratings=newer, movies=movies))

    query = "SELECT user_id, movie_id, value FROM ratings ORDER BY 1, 2"
    assert rows(url, query) == [
        (1, 1, 1.5),
        (1, 2, 0.5),
        (2, 1, 5.0),
        (7, 2, 2.5),
        (9, 3, 3.0),
    ]
    assert rows(url, "SELECT title, year FROM movies WHERE id = 1") == [
        ("Toy Story 1", 1996)
    ]
    assert kept(url) == counted(url)


def test_ratings_after_a_load_are_counted_one_by_one_again(url, tmp_path):
    load_quietly(url, write(tmp_path / "small"))

    with connect(url) as connection:
        connection.execute("INSERT INTO ratings VALUES (2, 2, 3.5), (7, 1, 1)")
        connection.execute("DELETE FROM ratings WHERE user_id = 1")

    assert [row for row in kept(url) if row[1]] == counted(url)


# What a larger file does, for which the table is made anew.


SCHEMA = """
SELECT conname, contype::text, convalidated, pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid = 'ratings'::regclass
UNION ALL SELECT relname, 'index', true, pg_get_indexdef(oid)
FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = 'ratings'::regclass
UNION ALL SELECT tgname, tgenabled::text, tgisinternal, pg_get_triggerdef(oid)
FROM pg_trigger WHERE tgrelid = 'ratings'::regclass AND NOT tgisinternal
UNION ALL SELECT attname, format_type(atttypid, atttypmod), attnotnull,
    pg_get_expr(adbin, adrelid)
FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
WHERE attrelid = 'ratings'::regclass AND attnum > 0
UNION ALL SELECT format('%s of %s', privilege_type, grantee::regrole), '', true, ''
FROM pg_class, aclexplode(relacl) WHERE oid = 'ratings'::regclass
ORDER BY 1, 2
"""
FOUR = [(1, 1, 4.0), (1, 2, 0.5), (2, 1, 5.0), (7, 2, 2.5)]  # of the small data set
STARS = "SELECT user_id, movie_id, value FROM ratings ORDER BY 1, 2"


def test_the_new_table_has_all_that_the_old_one_had(url, tmp_path):
    with connect(url) as connection:
        connection.execute("GRANT SELECT ON ratings TO pg_monitor")
        connection.execute('CREATE INDEX "by hand" ON ratings (rated_at)')
    before = rows(url, SCHEMA), rows(url, "SELECT 'ratings'::regclass::oid")

    load_quietly(url, write(tmp_path / "small"))

    after = rows(url, SCHEMA), rows(url, "SELECT 'ratings'::regclass::oid")
    with connect(url) as connection:
        connection.execute('DROP INDEX "by hand"')
        connection.execute("REVOKE SELECT ON ratings FROM pg_monitor")
    assert len(before[0]) > 15
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_table_that_somebody_built_a_view_on_stays(url, tmp_path):
    before = rows(url, "SELECT 'ratings'::regclass::oid")
    with connect(url) as connection:
        connection.execute("CREATE VIEW by_hand AS SELECT movie_id FROM ratings")

    load_quietly(url, write(tmp_path / "small"))

    assert rows(url, "SELECT count(*) FROM by_hand") == [(4,)]
    assert rows(url, "SELECT 'ratings'::regclass::oid") == before
    with connect(url) as connection:
        connection.execute("DROP VIEW by_hand")


def test_a_larger_file_too_replaces_what_it_names_and_keeps_the_rest(url, tmp_path):
    first = HEADER + b"1,1,1.5,1500000000\n9,3,3.0,1500000000\n"
    load_quietly(url, write(tmp_path / "old", ratings=first))

    load_quietly(url, write(tmp_path / "new"))

    assert rows(url, STARS) == [*FOUR, (9, 3, 3.0)]
    assert kept(url) == counted(url)
    assert rows(url, "SELECT sum(n_changes)::int FROM movie_statistics") == [(6,)]


def test_a_pair_given_twice_is_refused_in_a_smaller_file_too(url, tmp_path):
    load_quietly(url, write(tmp_path / "old"))
    twice = HEADER + b"9,3,1.5,1500000000\n9,3,3.0,1500000000\n"

    with pytest.raises(DataError, match="user 9 rates movie 3 twice; keep one line"):
        load_quietly(url, write(tmp_path / "twice", ratings=twice))

    assert rows(url, STARS) == FOUR


def test_a_table_being_read_is_replaced_only_afterwards(url, tmp_path):
    """What readers wait for is the last step alone."""
    load_quietly(url, write(tmp_path / "old", ratings=HEADER + b"9,3,3.0,1500000000\n"))
    loading = Thread(target=load_quietly, args=(url, write(tmp_path / "new")))

    with connect(url) as reader:
        reader.execute("SELECT FROM ratings")
        loading.start()
        wait_for(lambda: waiting(url, "DROP TABLE ratings"), seconds=10, what="built")
        users = reader.execute("SELECT count(*) FROM users").fetchone()
        stars = reader.execute(STARS).fetchall()
    loading.join()

    assert users == (1,)
    assert stars == [(9, 3, 3.0)]
    assert rows(url, STARS) == [*FOUR, (9, 3, 3.0)]


def test_training_reads_one_table_or_the_other(url, tmp_path):
    """A snapshot begun before a new table is there would find no row in it."""
    load_quietly(url, write(tmp_path / "old"))
    read: list[Snapshot] = []
    training = Thread(target=lambda: read.append(read_snapshot(url)))

    with connect(url) as connection:
        connection.execute("CREATE TABLE anew (LIKE ratings INCLUDING ALL)")
        connection.execute("INSERT INTO anew SELECT * FROM ratings")
        connection.execute("ALTER TABLE ratings RENAME TO before")
        connection.execute("ALTER TABLE anew RENAME TO ratings")
        training.start()
        wait_for(
            lambda: waiting(url, "LOCK TABLE ratings"), seconds=10, what="asked for"
        )
    training.join()
    with connect(url) as connection:
        connection.execute("DROP TABLE ratings")
        connection.execute("ALTER TABLE before RENAME TO ratings")

    assert [each.ratings.n_ratings for each in read] == [4]


def test_what_is_read_page_by_page_is_all_there_is(url, database_url, monkeypatch):
    at_once = read_snapshot(database_url).ratings
    monkeypatch.setattr(snapshot, "PAGES_AT_ONCE", 100)  # of more than 600

    in_parts = read_snapshot(database_url).ratings

    assert at_once.n_ratings == 100_004
    for name in ("indptr", "indices", "values"):
        expected = getattr(at_once.by_user, name)
        np.testing.assert_array_equal(getattr(in_parts.by_user, name), expected)
    with pytest.raises(DataError, match="no ratings; load some first"):
        read_snapshot(url)


def waiting(url: str, query: str) -> bool:
    """Whether somebody waits for a lock with such a query."""
    locked = rows(
        url,
        "SELECT query FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    return any(query in text for (text,) in locked)


def test_progress_tells_the_stage_and_the_bytes_read(url, tmp_path):
    seen: list[tuple[str, int]] = []
    dataset = MovieLens.open(write(tmp_path / "small"))

    load(url, dataset, on_progress=lambda stage, n_bytes: seen.append((stage, n_bytes)))

    stages = [stage for stage, _ in seen]
    assert stages == ["movies", "ratings", "checks", "tables"]
    assert seen[1] == ("ratings", dataset.size_of("ratings.csv"))


# What is refused.


def rating(line: bytes) -> bytes:
    """Put a faulty line among good ones, as the file's third."""
    return HEADER + b"1,1,4.0,964982703\n" + line + b"\n2,2,3.0,964982703\n"


NOT_A_NUMBER = "ratings.csv, line 3: not a plain number"
BAD_RATINGS = {
    "empty": (b"", "ratings.csv(, line 1)?: "),
    "header only": (HEADER, "ratings.csv has no ratings"),
    "no header": (b"1,1,4.0,964982703\n", "ratings.csv, line 1: "),
    "wrong header": (RATINGS.replace(b"userId", b"user"), "line 1: column name"),
    "short header": (b"userId,movieId,rating\n1,1,4\n", "line 1: "),
    "endless header": (b"userId" * 10_000, "ratings.csv, line [12]: "),
    "UTF-16": (RATINGS.decode().encode("utf-16"), "ratings.csv, line [12]: "),
    "repeated header": (rating(HEADER.strip()), NOT_A_NUMBER),
    "NUL": (rating(b"1,2,4.0,96498\x002703"), NOT_A_NUMBER),
    "quote": (rating(b'1,2,"4.0,964982703'), NOT_A_NUMBER),
    "word for an id": (rating(b"NA,2,4.0,964982703"), NOT_A_NUMBER),
    "null for an id": (rating(b"null,2,4.0,964982703"), NOT_A_NUMBER),
    "underscore": (rating(b"1_0,2,4.0,964982703"), NOT_A_NUMBER),
    "hexadecimal": (rating(b"0x10,2,4.0,964982703"), NOT_A_NUMBER),
    "space": (rating(b" 1,2,4.0,964982703"), NOT_A_NUMBER),
    "plus": (rating(b"+1,2,4.0,964982703"), NOT_A_NUMBER),
    "other digits": (rating("٤,2,4.0,964982703".encode()), NOT_A_NUMBER),
    "formula": (rating(b"=1+1,2,4.0,964982703"), NOT_A_NUMBER),
    "exponent": (rating(b"1,2,4e0,964982703"), NOT_A_NUMBER),
    "NaN": (rating(b"1,2,NaN,964982703"), NOT_A_NUMBER),
    "negative": (rating(b"1,2,4.0,-1"), NOT_A_NUMBER),
    "empty id": (rating(b",2,4.0,964982703"), "line 3: .*userId"),
    "empty time": (rating(b"1,2,4.0,"), "line 3: .*timestamp"),
    "decimal comma": (rating(b"1,2,4,0,964982703"), "line 3: extra data"),
    "a million columns": (rating(b"1," * 1_000_000), "line 3: extra data"),
    "long field": (rating(b"1" * 200_000 + b",2,4.0,1"), "line 3: .*out of range"),
    "20 MB line": (rating(b"1" * 20_000_000), "line 3: "),
    "end in mid-row": (HEADER + b"1,1,4.0,964982703\n1,2", "line 3: missing data"),
    "blank line": (rating(b""), "line 3: "),
    "decimal id": (rating(b"1.0,2,4.0,964982703"), "line 3: invalid input"),
    "id above 2^31": (rating(b"1,2147483648,4.0,1"), "line 3: .*out of range"),
    "id above 2^53": (rating(b"9007199254740993,2,4.0,1"), "line 3: .*out of range"),
    "user 0": (rating(b"0,2,4.0,964982703"), "line 3: user ids go from 1"),
    "a registered id": (rating(b"1000000001,2,4.0,1"), "line 3: user ids go from 1"),
    "no stars": (rating(b"1,2,0,964982703"), "line 3: a rating is 0.5 to 5 stars"),
    "six stars": (rating(b"1,2,6,964982703"), "line 3: a rating is 0.5 to 5 stars"),
    "a third of a star": (rating(b"1,2,3.3,964982703"), "line 3: a rating is"),
    "a time in milliseconds": (rating(b"1,2,4.0,964982703000"), "line 3: a time is"),
    "repeated pair": (rating(b"1,1,5.0,964982704"), "user 1 rates movie 1 twice"),
    "unknown movie": (rating(b"1,99,4.0,964982703"), "movies.csv lacks movie 99"),
}


def movie(line: bytes) -> bytes:
    """Put a faulty line after the good ones, as the file's fifth."""
    return MOVIES + line + b"\n"


BAD_MOVIES = {
    "missing": (None, "movies.csv"),
    "empty": (b"", "movies.csv, line 1: the header"),
    "wrong header": (MOVIES.replace(b"movieId", b"id"), "movies.csv, line 1: "),
    "no id": (movie(b"x,Heat,Drama"), "movies.csv, line 5: 'x' is no id"),
    "other digits": (movie("٤,Heat,Drama".encode()), "movies.csv, line 5: "),
    "underscore": (movie(b"1_0,Heat,Drama"), "movies.csv, line 5: "),
    "id 0": (movie(b"0,Heat,Drama"), "movies.csv, line 5: movie ids start at 1"),
    "id above 2^31": (movie(b"2147483648,Heat,Drama"), "movies.csv, line 5: .*range"),
    "a movie twice": (movie(b"1,Heat,Drama"), "movies.csv, line 5: .* twice"),
    "no title": (movie(b"6,,Drama"), "movies.csv, line 5: a title has 1 to 300"),
    "endless title": (movie(b"6," + b"x" * 301 + b",Drama"), "line 5: a title has"),
    "too few fields": (movie(b"6,Heat"), "movies.csv, line 5: 2 fields"),
    "too many fields": (movie(b"6,Heat,Drama,x"), "movies.csv, line 5: 4 fields"),
    "field of 200 kB": (movie(b"6," + b"x" * 200_000 + b",Drama"), "line 5: "),
    "open quote": (movie(b'6,"Heat,Drama'), "movies.csv, line [56]: "),
    "no UTF-8": (movie(b"6,Caf\xe9,Drama"), "movies.csv: not UTF-8"),
    "NUL": (movie(b"6,He\x00at,Drama"), "NUL"),
}
BAD_LINKS = {
    "no id": (LINKS + b"x,1,1\n", "links.csv, line 4: "),
    "empty id": (LINKS + b",1,1\n", "links.csv, line 4: the movie id is empty"),
    "a movie twice": (LINKS + b"1,2,2\n", "links.csv, line 4: .* twice"),
    "id above 2^31": (LINKS + b"3,2147483648,1\n", "links.csv, line 4: .*range"),
}
BAD = {
    f"{name}: {fault}": ({name: content}, reason)
    for name, faults in (
        ("ratings", BAD_RATINGS),
        ("movies", BAD_MOVIES),
        ("links", BAD_LINKS),
    )
    for fault, (content, reason) in faults.items()
}


@pytest.fixture(scope="module")
def occupied(server: str) -> str:
    """A database with rows in it, which no refused file may change."""
    url = create_database(server, "cinefold_occupied")
    migrate(url)
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO movies (id, title) VALUES (1, 'a'), (2, 'b'), (3, 'c')"
        )
        alice = (FIRST_REGISTERED_USER_ID,)
        connection.execute("INSERT INTO users VALUES (%s, 'alice', 'x')", alice)
        connection.execute("INSERT INTO ratings VALUES (%s, 1, 2.5)", alice)
    return url


@pytest.mark.parametrize(("files", "reason"), BAD.values(), ids=BAD)
def test_a_faulty_file_is_refused_whole_with_line_and_reason(
    occupied, tmp_path, files, reason
):
    before = digest(occupied)
    path = write(tmp_path / "faulty", **files)

    with pytest.raises(DataError, match=reason):
        load_quietly(occupied, path)

    assert digest(occupied) == before
    assert before[1][0] == 1  # the registered user's rating


def test_a_faulty_file_far_into_the_second_block_is_told_by_its_line(
    occupied, tmp_path
):
    n_good = 100_000
    good = b"".join(b"%d,1,4.0,964982703\n" % user for user in range(1, n_good + 1))
    path = write(tmp_path / "faulty", ratings=HEADER + good + b"1,2,four,1\n")

    with pytest.raises(DataError, match=f"line {n_good + 2}: not a plain number"):
        load_quietly(occupied, path)


def test_a_damaged_zip_is_refused(occupied, tmp_path):
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    data = bytearray(path.read_bytes())
    data[data.index(b"964982703")] ^= 1
    path.write_bytes(data)
    before = digest(occupied)

    with pytest.raises(DataError, match="damaged"):
        load_quietly(occupied, path)

    assert digest(occupied) == before


def test_what_holds_no_ratings_is_no_data_set(tmp_path):
    empty = tmp_path / "empty.zip"
    zipfile.ZipFile(empty, "w").close()
    (tmp_path / "text.zip").write_text("no zip")

    for path in (tmp_path, empty, tmp_path / "text.zip", tmp_path / "nowhere"):
        with pytest.raises(DataError):
            MovieLens.open(path)
