"""MovieLens 100K, 1M and 10M are read as if they were CSV files."""

import zipfile

import pytest

from engine.data.movielens import Movie, MovieLens, Tag
from engine.errors import DataError

ML_100K = {
    "u.data": "196\t242\t3\t881250949\n186\t302\t4\t891717742\n",
    "u.item": "1|Toy Story (1995)|01-Jan-1995||http://example|"
    "0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "267|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    '543|Misérables, Les "1" (1995)|01-Jan-1995||http://example|'
    "0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n",
}
ML_10M = {
    "ratings.dat": "1::122::5::838985046\n1::185::4.5::838983525\n",
    "movies.dat": "1::Toy Story (1995)::Animation|Children\n"
    "3::Café :: Two, The (2001)::Drama\n"
    "\n9::Nothing Known (1990)::(no genres listed)\n",
    "tags.dat": "15::339::oh, well::1138537770\n",
}


def folder_of(path, files, *, encoding="utf-8"):
    path.mkdir()
    for name, text in files.items():
        (path / name).write_bytes(text.encode(encoding))
    return path


def test_movielens_100k_is_read(tmp_path):
    data = MovieLens.open(folder_of(tmp_path / "ml-100k", ML_100K, encoding="latin-1"))

    table = data.ratings()

    assert table.user_ids.tolist() == [196, 186]
    assert table.movie_ids.tolist() == [242, 302]
    assert table.values.tolist() == [3, 4]
    assert table.timestamps.tolist() == [881250949, 891717742]
    assert list(data.movies()) == [
        Movie(1, "Toy Story", 1995, ("Animation", "Children's", "Comedy")),
        Movie(267, "unknown", None, ()),
        Movie(543, 'Misérables, Les "1"', 1995, ("Drama", "Musical")),
    ]
    assert not data.has("tags.csv")
    assert not data.has("u.item")


def test_movielens_1m_and_10m_are_read(tmp_path):
    data = MovieLens.open(folder_of(tmp_path / "ml-10m", ML_10M))

    assert data.ratings().values.tolist() == [5, 4.5]
    assert list(data.movies()) == [
        Movie(1, "Toy Story", 1995, ("Animation", "Children")),
        Movie(3, "Café :: Two, The", 2001, ("Drama",)),
        Movie(9, "Nothing Known", 1990, ()),
    ]
    assert list(data.tags()) == [Tag(15, 339, "oh, well", 1138537770)]
    assert not data.has("links.csv")


def test_a_zip_is_read_likewise_and_copied_as_csv(tmp_path):
    path = tmp_path / "ml-10m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in ML_10M.items():
            archive.writestr(f"ml-10M100K/{name}", text)
    data = MovieLens.open(path)

    with data.open_bytes("ratings.csv") as stream:
        header, rest = stream.readline(), stream.read()

    assert header == b"userId,movieId,rating,timestamp\n"
    assert rest == b"1,122,5,838985046\n1,185,4.5,838983525\n"
    assert data.size_of("ratings.csv") == len(ML_10M["ratings.dat"])
    assert data.has("movies.csv")
    assert not data.has("links.csv")
    with pytest.raises(DataError, match=r"no links\.csv in it"):
        next(data.links())


def test_a_file_longer_than_one_stretch_is_read_to_its_end(tmp_path):
    lines = "".join(f"{user}\t7\t3\t0\n" for user in range(1, 20_001))
    data = MovieLens.open(folder_of(tmp_path / "ml", {**ML_100K, "u.data": lines}))

    assert data.ratings().user_ids.tolist() == list(range(1, 20_001))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("u.item", "1|Toy Story (1995)\n", r"movies\.csv, line 2: 2 fields, expected"),
        ("u.data", "1\t2\tx\t0\n", r"ratings\.csv, line 2: 'x' is no rating"),
    ],
)
def test_faults_are_named_by_the_line_of_the_csv_file(tmp_path, name, text, message):
    data = MovieLens.open(folder_of(tmp_path / "ml", {**ML_100K, name: text}))

    with pytest.raises(DataError, match=message):
        _ = data.ratings(), list(data.movies())


def test_a_line_without_separators_is_refused(tmp_path):
    files = {**ML_10M, "movies.dat": "7\n"}
    data = MovieLens.open(folder_of(tmp_path / "ml", files))

    with pytest.raises(DataError, match=r"movies\.csv, line 2: 1 fields, expected 3"):
        list(data.movies())
