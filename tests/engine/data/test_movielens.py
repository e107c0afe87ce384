"""Reading the official CSV layout from folders and zips."""

import zipfile

import numpy as np
import pytest

from engine.data.movielens import Link, Movie, MovieLens, Tag, split_title, words_of
from engine.errors import DataError

FILES = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n"
    "7,1029,3.0,1260759179\n",
    "movies.csv": "movieId,title,genres\n1,Toy Story (1995),Adventure|Children\n"
    '11,"American President, The (1995)",(no genres listed)\n',
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n11,,\n",
    "tags.csv": "userId,movieId,tag,timestamp\n"
    '15,339,"sandra ""boring"" b",1138537770\n',
}


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in {**FILES, **files}.items():
        content = text if isinstance(text, bytes) else text.encode()
        (folder / name).write_bytes(content)
    return folder


def zipped(path, inside=""):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(f"{inside}{name}", text)
        archive.writestr(f"{inside}README.txt", "read me")
    return path


@pytest.fixture(params=["folder", "zip", "zip with a top folder"])
def data(request, tmp_path):
    if request.param == "folder":
        return MovieLens.open(str(write(tmp_path / "data")))
    inside = "ml-tiny/" if "top" in request.param else ""
    return MovieLens.open(zipped(tmp_path / "data.zip", inside))


def test_ratings_come_as_arrays(data):
    table = data.ratings()

    assert table.user_ids.tolist() == [1, 7]
    assert table.movie_ids.tolist() == [31, 1029]
    assert table.values.tolist() == [2.5, 3.0]
    assert table.timestamps.tolist() == [1260759144, 1260759179]
    assert table.values.dtype == np.float32
    ratings = table.to_ratings(items=np.array([5]))
    assert ratings.item_ids.tolist() == [5, 31, 1029]


def test_movies_links_and_tags_come_as_records(data):
    assert list(data.movies()) == [
        Movie(1, "Toy Story", 1995, ("Adventure", "Children")),
        Movie(11, "American President, The", 1995, ()),
    ]
    assert list(data.links()) == [Link(1, 114709, 862), Link(11, None, None)]
    assert list(data.tags()) == [Tag(15, 339, 'sandra "boring" b', 1138537770)]


def test_the_raw_bytes_can_be_copied_elsewhere(data):
    with data.open_bytes("ratings.csv") as stream:
        content = stream.read()

    assert content == FILES["ratings.csv"].encode()
    assert data.size_of("ratings.csv") == len(content)


def test_a_missing_file_is_named(data):
    assert data.has("links.csv")
    assert not data.has("genome-scores.csv")
    with (
        pytest.raises(DataError, match=r"no genome-scores\.csv in it"),
        data.open_bytes("genome-scores.csv"),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Toy Story (1995) ", "Toy Story", 1995),
        ("  Two  spaces (2001)", "Two spaces", 2001),
        ("Death Note: Desu nôto (2006-2007)", "Death Note: Desu nôto", 2006),
        ("Fawlty Towers (1975–1979)", "Fawlty Towers", 1975),  # noqa: RUF001  a dash
        ("The Expanse (2015- )", "The Expanse", 2015),
        ("Big Bang Theory, The (2007-)", "Big Bang Theory, The", 2007),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
        ("Diabolik (Danger: Diabolik) (1968)", "Diabolik (Danger: Diabolik)", 1968),
        ("2001(1968)", "2001", 1968),
        ("Babylon 5", "Babylon 5", None),
        ("Moonlight (film)", "Moonlight (film)", None),
        ("(1995)", "(1995)", None),
        ("", "", None),
    ],
)
def test_titles_are_split_from_years(text, title, year):
    assert split_title(text) == (title, year)


RATINGS = "userId,movieId,rating,timestamp\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"ratings\.csv, line 1: the header must be userId,movieId"),
        ("a,b,c,d\n1,2,3,4\n", r"ratings\.csv, line 1: the header must be"),
        (RATINGS, r"ratings\.csv: no ratings in it"),
        (RATINGS + "1,2,3.0,4\n1,2,3.0\n", r"line 3: 3 fields, expected 4"),
        (RATINGS + "1,2,3.0,4\nx,2,3.0,4\n", r"line 3: 'x' is no id or time"),
        (RATINGS + "1.0,2,3.0,4\n", r"line 2: '1\.0' is no id or time"),
        (RATINGS + "1_0,2,3.0,4\n", r"line 2: '1_0' is no id or time"),
        (RATINGS + f"{2**63},2,3.0,4\n", r"line 2: '9223\d+' is no id or time"),
        (RATINGS + "1,2,٤,4\n", r"line 2: '٤' is no rating"),
        (RATINGS + "1,2,nan,4\n", r"line 2: 'nan' is no rating"),
        (RATINGS + "1,2,1e999,4\n", r"line 2: '1e999' is no rating"),
        (RATINGS + '1,2,"3.0,4\n', r"line 2: unexpected end of data"),
        (RATINGS.encode() + b"1,2,\xff,4\n", r"ratings\.csv: not UTF-8"),
        (RATINGS.encode("utf-16"), r"ratings\.csv: not UTF-8"),
    ],
)
def test_bad_ratings_are_refused_by_file_and_line(tmp_path, text, message):
    data = MovieLens.open(write(tmp_path / "data", **{"ratings.csv": text}))

    with pytest.raises(DataError, match=message):
        data.ratings()


def test_what_only_the_fast_reader_refuses_is_still_a_data_error(tmp_path):
    text = RATINGS + '"1",2,3.0,4\n'
    data = MovieLens.open(write(tmp_path / "data", **{"ratings.csv": text}))

    with pytest.raises(DataError, match=r"ratings\.csv: could not convert"):
        data.ratings()


def test_byte_order_mark_and_other_line_ends_are_read(tmp_path):
    text = FILES["ratings.csv"].replace("\n", "\r\n").encode("utf-8-sig")
    data = MovieLens.open(write(tmp_path / "data", **{"ratings.csv": text}))

    assert data.ratings().user_ids.tolist() == [1, 7]


@pytest.mark.parametrize(
    ("name", "text", "read", "message"),
    [
        ("movies.csv", "movieId,title,genres\nx,A,B\n", "movies", "line 2: 'x' is no"),
        ("movies.csv", "id,title,genres\n", "movies", "line 1: the header must be"),
        ("movies.csv", "movieId,title,genres\n\n1,A\n", "movies", "line 3: 2 fields"),
        ("links.csv", "movieId,imdbId,tmdbId\n,1,2\n", "links", "movie id is empty"),
        ("tags.csv", "userId,movieId,tag,timestamp\n1,2,x,-3\n", "tags", "'-3' is no"),
    ],
)
def test_bad_lines_are_refused_by_file_and_line(tmp_path, name, text, read, message):
    data = MovieLens.open(write(tmp_path / "data", **{name: text}))

    with pytest.raises(DataError, match=message):
        list(getattr(data, read)())


def test_a_folder_without_ratings_is_refused(tmp_path):
    with pytest.raises(DataError, match="name the folder it is in"):
        MovieLens.open(tmp_path)


def test_nothing_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder or zip"):
        MovieLens.open(tmp_path / "nothing")


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "data.zip").write_text("not a zip")

    with pytest.raises(DataError, match="not a readable zip; fetch it again"):
        MovieLens.open(tmp_path / "data.zip")


@pytest.mark.parametrize("n_copies", [0, 2])
def test_a_zip_must_hold_the_ratings_once(tmp_path, n_copies):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for copy in range(n_copies):
            archive.writestr(f"{copy}/ratings.csv", RATINGS)

    with pytest.raises(
        DataError, match=f"expected one ratings.csv in it, got {n_copies}"
    ):
        MovieLens.open(tmp_path / "data.zip")


def test_a_damaged_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "data.zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"2.5,1260759144")] ^= 1
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"damaged at ratings\.csv; fetch it again"):
        MovieLens.open(path).ratings()


def test_a_movie_is_described_by_genres_and_half_decade():
    assert words_of(("Crime", "Drama"), 1994) == ["Crime", "Drama", "1990-1994"]
    assert words_of((), None) == []
