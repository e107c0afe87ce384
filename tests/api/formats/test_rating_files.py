"""Files of ratings: what is understood, what is refused, and what is written."""

import csv
import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.formats.rating_exports import write
from api.formats.rating_files import (
    FORMATS,
    LARGEST_ID,
    MAX_FAULTS,
    Fault,
    FaultyFileError,
    RatedTitle,
    parse,
)
from api.formats.rating_scales import half_stars
from api.formats.rating_text import MAX_ROWS

MOVIELENS = "userId,movieId,rating,timestamp\n"
PLAIN = "movie_id,rating\n"
TITLED = "title,year,rating\n"


def faults_of(text: str) -> tuple[Fault, ...]:
    """Parse what must be refused."""
    with pytest.raises(FaultyFileError) as refused:
        parse(text, is_strict=True)
    return refused.value.faults


def only_row(text: str) -> RatedTitle:
    """Parse a file of one rating."""
    (row,) = parse(text).rows
    return row


# Formats, as their services write them.


def test_a_movielens_data_set_of_one_user_is_recognised():
    file = parse(f"{MOVIELENS}7,1,4.5,964982703\n7,6,0.5,964981247\n")

    assert (file.format, file.scale) == ("movielens", 5)
    assert [(row.movie_id, row.value) for row in file.rows] == [(1, 4.5), (6, 0.5)]
    assert file.rows[0].rated_at == datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)


def test_an_export_of_the_movielens_site_is_recognised():
    file = parse(
        "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n"
        "1,0114709,862,4.5,3.89146,Toy Story (1995)\n"
    )

    (row,) = file.rows
    assert (file.format, file.scale) == ("movielens", 5)
    assert (row.movie_id, row.imdb_id, row.tmdb_id) == (1, 114709, 862)
    assert (row.title, row.year) == ("Toy Story", 1995)


def test_an_export_of_letterboxd_is_recognised():
    file = parse(
        "Date,Name,Year,Letterboxd URI,Rating\n"
        '2020-05-01,"Good, the Bad and the Ugly",1966,https://boxd.it/2ai0,4.5\n'
    )

    (row,) = file.rows
    assert (file.format, file.scale) == ("letterboxd", 5)
    assert (row.title, row.year) == ("Good, the Bad and the Ugly", 1966)
    assert row.value == 4.5
    assert row.rated_at == datetime(2020, 5, 1, tzinfo=UTC)


def test_what_letterboxd_imports_is_recognised_on_either_scale():
    header = "Title,Year,WatchedDate"

    stars = parse(f"{header},Rating\nHeat,1995,2020-05-01,3.5\n")
    tenths = parse(f"{header},Rating10\nHeat,1995,2020-05-01,7\n")

    assert (stars.format, stars.scale) == ("letterboxd", 5)
    assert (tenths.format, tenths.scale) == ("letterboxd", 10)
    assert stars.rows[0].value == tenths.rows[0].value == 3.5


def test_an_export_of_imdb_is_recognised_and_series_are_no_movies():
    file = parse(
        "Const,Your Rating,Date Rated,Title,URL,Title Type,IMDb Rating,Year\n"
        "tt0114709,9,2014-07-22,Toy Story,https://www.imdb.com/x/,Movie,8.3,1995\n"
        "tt0903747,10,2014-07-22,Breaking Bad,https://x/,TV Series,9.5,2008\n"
        "tt11198330,1,,Short,,short,5.5,\n"
    )

    assert (file.format, file.scale) == ("imdb", 10)
    assert [row.imdb_id for row in file.rows] == [114709, 903747, 11198330]
    assert [row.is_movie for row in file.rows] == [True, False, True]
    assert [row.value for row in file.rows] == [4.5, 5, 0.5]
    assert file.rows[2].rated_at is None


def test_an_export_of_trakt_is_recognised():
    file = parse(
        "rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,rating\n"
        "2014-09-01T09:10:11.000Z,movie,Heat,1995,8.1,2,tt0113277,949,8\n"
        "2014-09-01T09:10:11.000Z,episode,Pilot,2008,8.1,3,tt0959621,62085,7\n"
    )

    assert (file.format, file.scale) == ("trakt", 10)
    assert (file.rows[0].imdb_id, file.rows[0].tmdb_id) == (113277, 949)
    assert file.rows[0].value == 4
    assert file.rows[0].rated_at == datetime(2014, 9, 1, 9, 10, 11, tzinfo=UTC)
    assert [row.is_movie for row in file.rows] == [True, False]


@pytest.mark.parametrize(
    ("ratings", "scale"),
    [(["5", "0.5"], 5), (["6", "1"], 10), (["10", "1"], 10), (["10.5"], 100),
     (["100", "1"], 100)],
)  # fmt: skip
def test_the_scale_of_a_plain_file_is_the_smallest_that_holds_all(ratings, scale):
    lines = "".join(f"{i},{rating}\n" for i, rating in enumerate(ratings, start=1))

    file = parse(PLAIN + lines)

    assert (file.format, file.scale) == ("csv", scale)


def test_a_scale_that_is_given_is_not_detected():
    file = parse(f"{PLAIN}1,3\n", scale=10)

    assert file.scale == 10
    assert file.rows[0].value == 1.5


@pytest.mark.parametrize(
    "header", ["Movie ID,RATING", "movieid , rating", "MovieId,Rating"]
)
def test_case_and_spaces_of_a_header_do_not_matter(header):
    assert only_row(f"{header}\n1,4\n").movie_id == 1


# The rule of conversion.


@pytest.mark.parametrize(
    ("rating", "scale", "value", "is_rounded"),
    [
        ("4.5", 5, 4.5, False),
        ("4.3", 5, 4.5, True),
        ("4.25", 5, 4.5, True),
        ("4.2", 5, 4.0, True),
        ("0.1", 5, 0.5, True),
        ("5", 5, 5.0, False),
        ("1", 10, 0.5, False),
        ("7", 10, 3.5, False),
        ("7.5", 10, 4.0, True),
        ("10", 10, 5.0, False),
        ("1", 100, 0.5, True),
        ("85", 100, 4.5, True),
        ("80", 100, 4.0, False),
    ],
)
def test_ratings_become_the_nearest_half_star(rating, scale, value, is_rounded):
    assert half_stars(Decimal(rating), scale) == (value, is_rounded)


@given(st.decimals("0.000001", "100", places=6), st.sampled_from([5, 10, 100]))
def test_no_conversion_leaves_the_half_stars_or_moves_by_more_than_a_quarter(
    rating, scale
):
    if rating > scale:
        rating = rating * scale / 100

    value, is_rounded = half_stars(rating, scale)

    exact = rating * 5 / scale
    assert value in [step / 2 for step in range(1, 11)]
    assert abs(Decimal(value) - exact) <= Decimal("0.25") or value == 0.5
    assert is_rounded == (Decimal(value) != exact)


def test_a_row_says_what_was_written_and_whether_it_was_rounded():
    rows = parse(f"{PLAIN}1,85\n2,80\n").rows

    assert [(row.written, row.value, row.is_rounded) for row in rows] == [
        ("85", 4.5, True),
        ("80", 4.0, False),
    ]


def test_a_row_without_a_rating_is_kept_as_one():
    row = only_row("Name,Year,Letterboxd URI,Rating\nHeat,1995,https://x,\n")

    assert row.written == ""
    assert row.value == 0


# B7. Harmless differences of writing.


@pytest.mark.parametrize(
    "text",
    [
        "title,year,rating\r\nHeat,1995,4\r\nAlien,1979,5\r\n",
        "title,year,rating\rHeat,1995,4\rAlien,1979,5\r",
        "title,year,rating\nHeat,1995,4\nAlien,1979,5",
        '"title","year","rating"\n\n"Heat","1995","4"\n\n"Alien","1979","5"\n\n',
    ],
    ids=["CRLF", "CR", "no last newline", "quotes and blank lines"],
)
def test_line_ends_and_quotes_do_not_matter(text):
    expected = parse("title,year,rating\nHeat,1995,4\nAlien,1979,5\n").rows

    found = parse(text).rows

    assert [(r.title, r.year, r.value) for r in found] == [
        (r.title, r.year, r.value) for r in expected
    ]


# B7. What is refused, with line and reason.

FAULTY = {
    "empty": ("", [(1, "header")]),
    "header only": (PLAIN, [(1, "empty")]),
    "blank lines only": ("\n\n\n", [(1, "header")]),
    "wrong header": ("a,b\n1,4\n", [(1, "header")]),
    "no header": ("1,4\n2,5\n", [(1, "header")]),
    "no movie in the header": ("user_id,rating\n1,4\n", [(1, "header")]),
    "no rating in the header": ("movie_id,imdb rating\n1,4\n", [(1, "header")]),
    "10^6 columns": ("x," * 10**6 + "\n", [(1, "too_long")]),
    "101 columns": ("movie_id,rating" + ",x" * 99 + "\n1,4\n", [(1, "header")]),
    "line of 20 MB": (PLAIN + "1," + "4" * 20_000_000, [(2, "too_long")]),
    "UTF-16 read as UTF-8": ("m\0o\0v\0i\0e\0,\0", [(1, "header")]),
    "NUL": (f"{TITLED}Heat,1995,4\nAl\0ien,1979,5\n", [(3, "control")]),
    "escape": (f"{TITLED}He\x1bat,1995,4\n", [(2, "control")]),
    "newline in a title": (f'{TITLED}"He\nat",1995,4\n', [(2, "control")]),
    "unclosed quote": (f'{TITLED}Heat,1995,4\n"Alien,1979,5\nX', [(3, "quoting")]),
    "text after a quote": (f'{TITLED}"Alien"s,1979,5\n', [(2, "quoting")]),
    "field of 1,001": (f"{TITLED}{'x' * 1001},1979,5\n", [(2, "too_long")]),
    "field of 200 kB": (f"{TITLED}{'x' * 200_000},1979,5\n", [(2, "too_long")]),
    "quoted field of 200 kB": (
        f'{TITLED}"' + "x\n" * 100_000 + '",1979,5\n', [(2, "quoting")]
    ),
    "mid-row end": (f"{TITLED}Heat,1995,4\nAlien,19", [(3, "fields")]),
    "a field too many": (f"{PLAIN}1,4,5\n", [(2, "fields")]),
    "decimal comma unquoted": (f"{PLAIN}1,4,5\n", [(2, "fields")]),
    "underscore in a rating": (f"{PLAIN}1,1_0\n", [(2, "rating")]),
    "other digits in a rating": (f"{PLAIN}1,٤\n", [(2, "rating")]),
    "NaN": (f"{PLAIN}1,NaN\n", [(2, "rating")]),
    "infinity": (f"{PLAIN}1,inf\n", [(2, "rating")]),
    "exponent": (f"{PLAIN}1,1e1\n", [(2, "rating")]),
    "negative": (f"{PLAIN}1,-1\n", [(2, "rating")]),
    "plus": (f"{PLAIN}1,+4\n", [(2, "rating")]),
    "formula as rating": (f"{PLAIN}1,=1+1\n", [(2, "rating")]),
    "thousands": (f"{PLAIN}1,1000\n", [(2, "rating")]),
    "over a known scale": (f"{MOVIELENS}1,1,5.5,0\n", [(2, "range")]),
    "over every scale": (f"{PLAIN}1,4\n2,101\n", [(3, "range")]),
    "leading zeros": (f"{PLAIN}007,4\n", [(2, "id")]),
    "id 0": (f"{PLAIN}0,4\n", [(2, "missing")]),
    "id above 2^31": (f"{PLAIN}{LARGEST_ID + 1},4\n", [(2, "id")]),
    "id above 2^53": (f"{PLAIN}{2**53 + 1},4\n", [(2, "id")]),
    "id with underscore": (f"{PLAIN}1_0,4\n", [(2, "id")]),
    "other digits in an id": (f"{PLAIN}٤,4\n", [(2, "id")]),
    "NA as movie": (f"{PLAIN}NA,4\n", [(2, "id")]),
    "IMDb id of words": ("imdb_id,rating\nttx,4\n", [(2, "id")]),
    "IMDb id 0": ("imdb_id,rating\ntt0000000,4\n", [(2, "missing")]),
    "IMDb id above 2^31": ("imdb_id,rating\ntt9999999999,4\n", [(2, "id")]),
    "no movie": ("movie_id,title,rating\n,,4\n", [(2, "missing")]),
    "NA as user": (f"{MOVIELENS}NA,1,4,0\n", [(2, "id")]),
    "null as user": (f"{MOVIELENS}null,1,4,0\n", [(2, "id")]),
    "no user": (f"{MOVIELENS},1,4,0\n", [(2, "id")]),
    "two users": (f"{MOVIELENS}1,1,4,0\n1,2,4,0\n2,3,4,0\n", [(4, "several_users")]),
    "time of words": (f"{MOVIELENS}1,1,4,now\n", [(2, "time")]),
    "time after 3000": (f"{MOVIELENS}1,1,4,32503680000\n", [(2, "time")]),
    "date of words": ("title,rating,date\nHeat,4,yesterday\n", [(2, "time")]),
    "date of the 13th month": ("title,rating,date\nHeat,4,2020-13-01\n", [(2, "time")]),
    "date before time": (
        "title,rating,date\nHeat,4,0001-01-01T00:00:00+23:59\n", [(2, "time")]
    ),
    "year of words": (f"{TITLED}Heat,MCM,4\n", [(2, "year")]),
    "year of two digits": (f"{TITLED}Heat,95,4\n", [(2, "year")]),
    "year 1799": (f"{TITLED}Heat,1799,4\n", [(2, "year")]),
    "several faults": (
        f"{PLAIN}x,4\n1,4\n2,five\n3\n", [(2, "id"), (4, "rating"), (5, "fields")]
    ),
    "faults before an open quote": (
        f'{TITLED}Heat,1995,x\n"Alien,1979,5\n', [(2, "rating"), (3, "quoting")]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_file_is_refused_with_every_line_and_reason(text, expected):
    began = time.perf_counter()
    faults = faults_of(text)

    assert time.perf_counter() - began < 2
    assert [(fault.line, fault.code) for fault in faults] == expected
    assert all(fault.message for fault in faults)


def test_of_many_faults_the_first_hundred_are_told():
    faults = faults_of(PLAIN + "x,4\n" * 5_000)

    assert len(faults) == MAX_FAULTS
    assert [fault.line for fault in faults] == list(range(2, 102))


def test_of_many_ratings_off_the_scale_the_first_hundred_are_told():
    rows = "".join(f"{i},101\n" for i in range(1, 500))

    assert len(faults_of(PLAIN + rows)) == MAX_FAULTS


def test_a_file_holds_as_many_ratings_as_it_may_and_no_more():
    rows = "".join(f"{i},4\n" for i in range(1, MAX_ROWS + 1))

    assert len(parse(PLAIN + rows).rows) == MAX_ROWS
    faults = faults_of(f"{PLAIN}{rows}{MAX_ROWS + 1},4\n")
    assert [(fault.line, fault.code) for fault in faults] == [(10_002, "too_many")]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else_happens(text):
    for header in ("", PLAIN, MOVIELENS, TITLED):
        try:
            found = parse(header + text)
            n_found = len(found.rows) + len(found.faults)
        except FaultyFileError as refused:
            n_found = len(refused.faults)
        assert 1 <= n_found <= MAX_FAULTS


# What is written.


@dataclass
class Stored:
    """A rating as the database has it."""

    movie_id: int = 1
    imdb_id: int | None = 114709
    tmdb_id: int | None = 862
    title: str = "Toy Story"
    year: int | None = 1995
    value: float = 4.5
    rated_at: datetime = datetime(2020, 5, 1, 12, 30, tzinfo=UTC)


WRITTEN = {
    "movielens": {"userId": "7", "movieId": "1", "rating": "4.5",
                  "timestamp": "1588336200"},
    "letterboxd": {"imdbID": "tt0114709", "tmdbID": "862", "Title": "Toy Story",
                   "Year": "1995", "Rating": "4.5", "WatchedDate": "2020-05-01",
                   "CinefoldID": "1"},
    "imdb": {"Const": "tt0114709", "Your Rating": "9", "Date Rated": "2020-05-01",
             "Title": "Toy Story", "URL": "https://www.imdb.com/title/tt0114709/",
             "Title Type": "Movie", "Year": "1995", "CinefoldID": "1"},
    "trakt": {"rated_at": "2020-05-01T12:30:00Z", "type": "movie",
              "title": "Toy Story", "year": "1995", "imdb_id": "tt0114709",
              "tmdb_id": "862", "rating": "9", "CinefoldID": "1"},
    "csv": {"movie_id": "1", "imdb_id": "tt0114709", "tmdb_id": "862",
            "title": "Toy Story", "year": "1995", "rating": "4.5",
            "rated_at": "2020-05-01T12:30:00Z"},
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_written_as_its_service_reads_it(name):
    text = write([Stored()], name, user_id=7)

    assert list(csv.DictReader(io.StringIO(text))) == [WRITTEN[name]]


@pytest.mark.parametrize("name", FORMATS)
@given(
    value=st.sampled_from([step / 2 for step in range(1, 11)]),
    title=st.text(
        st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=50
    ),
    imdb_id=st.none() | st.integers(1, LARGEST_ID),
    year=st.none() | st.integers(1800, 2200),
)
def test_what_is_written_is_read_again(name, value, title, imdb_id, year):
    stored = Stored(title=f"x {title}", year=year, imdb_id=imdb_id, value=value)

    file = parse(write([stored], name, user_id=7))

    (row,) = file.rows
    assert file.format == name if name != "csv" else file.scale == 5
    assert row.value == value
    assert not row.is_rounded
    if name == "movielens":
        assert row.movie_id == 1
    else:
        assert row.imdb_id == imdb_id


@pytest.mark.parametrize("title", ["=1+1", "+1+1", "-1-1", "@SUM(A1)"])
@pytest.mark.parametrize("name", set(FORMATS) - {"movielens"})
def test_a_title_that_starts_a_formula_is_neutralised_and_read_back(name, title):
    text = write([Stored(title=title, imdb_id=None)], name, user_id=7)

    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert f"'{title}" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    assert only_row(text).title == title


@pytest.mark.parametrize("name", FORMATS)
def test_unknown_ids_and_years_are_empty_cells(name):
    text = write([Stored(imdb_id=None, tmdb_id=None, year=None)], name, user_id=7)

    assert "None" not in text
    assert "tt" not in text.splitlines()[1]
