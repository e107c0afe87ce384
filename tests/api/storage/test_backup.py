"""Backup and restore: the same rows, the same model, all of it or nothing."""

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import psycopg
import pytest
from alembic import command
from typer.testing import CliRunner

from api.commands import main as cli
from api.settings import OperatorError
from api.storage.backup import DUMP, back_up, restore, without_password
from api.storage.database import alembic_config
from api.tables import FIRST_REGISTERED_USER_ID, Table
from engine.model.files import load_model
from tests.conftest import create_database


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect without SQLAlchemy."""
    return psycopg.connect(url.replace("+psycopg", "", 1))


def digest(url: str) -> dict[str, object]:
    """Digest all rows of all tables."""
    with connect(url) as connection:
        return {
            table.name: connection.execute(
                f"SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text))"  # noqa: S608 - names of ours
                f" FROM {table.name} AS t".encode()
            ).fetchone()
            for table in Table.metadata.sorted_tables
        }


@pytest.fixture(scope="module")
def full(server: str, template: str) -> str:
    """A database with the sample, a model, and a registered user's rating and key."""
    url = create_database(server, "cinefold_full", template=template)
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO users (username, password_hash) VALUES ('älice', 'x')"
        )
        connection.execute(
            "INSERT INTO ratings VALUES (%s, 1, 4.5)", (FIRST_REGISTERED_USER_ID,)
        )
    return url


@pytest.fixture(scope="module")
def archive(full: str, models_dir: Path, tmp_path_factory) -> Path:
    """A backup of it."""
    path: Path = tmp_path_factory.mktemp("backup") / "cinefold.backup"
    back_up(full, models_dir, path)
    return path


@pytest.fixture
def empty(server: str) -> str:
    """A database without a table."""
    return create_database(server, "cinefold_empty")


def n_tables(url: str) -> int:
    """Count the tables."""
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    with connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(str(row[0]))


def test_what_is_restored_is_what_was_backed_up(
    full, archive, empty, models_dir, tmp_path
):
    restore(empty, tmp_path / "data" / "models", archive)

    assert digest(empty) == digest(full)
    command.check(alembic_config(empty))  # raises at a difference of schemas
    restored = load_model(tmp_path / "data" / "models" / "first")
    original = load_model(models_dir / "first")
    np.testing.assert_array_equal(restored.item_ids, original.item_ids)
    np.testing.assert_array_equal(
        restored.ranking.item_factors, original.ranking.item_factors
    )


def test_a_restored_database_is_alive(archive, empty, tmp_path):
    restore(empty, tmp_path / "models", archive)

    with connect(empty) as connection:
        before = connection.execute(
            "SELECT n_ratings FROM movie_statistics WHERE movie_id = 1"
        ).fetchone()
        new = connection.execute(
            "INSERT INTO users (username, password_hash) VALUES ('bob', 'x')"
            " RETURNING id"
        ).fetchone()
        assert new is not None
        connection.execute("INSERT INTO ratings VALUES (%s, 1, 3)", new)
        after = connection.execute(
            "SELECT n_ratings FROM movie_statistics WHERE movie_id = 1"
        ).fetchone()
    assert new[0] == FIRST_REGISTERED_USER_ID + 1
    assert before is not None
    assert after is not None
    assert int(str(after[0])) == int(str(before[0])) + 1


def test_a_backup_is_for_its_owner_alone_and_leaves_nothing_beside_it(archive):
    assert archive.stat().st_mode & 0o077 == 0
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


def test_a_file_that_is_there_is_not_overwritten(full, models_dir, tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")

    with pytest.raises(OperatorError, match="exists"):
        back_up(full, models_dir, target)

    assert target.read_text() == "precious"


def test_a_dump_that_fails_leaves_no_file(models_dir, tmp_path, closed_url):
    with pytest.raises(OperatorError, match="pg_dump: "):
        back_up(closed_url, models_dir, tmp_path / "backup")

    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def closed_url(server: str) -> str:
    """A database that does not exist."""
    return server.replace("/postgres?", "/nowhere?")


def test_a_model_whose_folder_is_gone_is_left_out(full, empty, tmp_path):
    back_up(full, tmp_path / "no models", tmp_path / "backup")

    restore(empty, tmp_path / "models", tmp_path / "backup")

    assert digest(empty) == digest(full)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_folder_that_is_there_stays_as_it_is(archive, empty, tmp_path):
    (tmp_path / "models" / "first").mkdir(parents=True)

    restore(empty, tmp_path / "models", archive)

    assert list((tmp_path / "models" / "first").iterdir()) == []


def test_a_database_with_tables_is_not_touched(full, archive, tmp_path):
    before = digest(full)

    with pytest.raises(OperatorError, match=r"not empty.*DATA_DIR"):
        restore(full, tmp_path / "models", archive)

    assert digest(full) == before


def tar(path: Path, **members: bytes) -> Path:
    """Write an archive."""
    with tarfile.open(path, "w") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def test_what_is_no_backup_is_refused(empty, tmp_path):
    text = tmp_path / "text"
    text.write_text("no archive")
    cases = [
        text,
        tmp_path / "missing",
        tar(tmp_path / "other.tar", readme=b"x"),
        tar(tmp_path / "escape.tar", **{DUMP: b"x", "../../escaped": b"x"}),
        tar(tmp_path / "absolute.tar", **{DUMP: b"x", str(tmp_path / "abs"): b"x"}),
        tar(tmp_path / "nonsense.tar", **{DUMP: b"nonsense"}),
    ]
    folder = tmp_path / "data"

    for case in cases:
        with pytest.raises(OperatorError):
            restore(empty, folder / "models", case)

        assert n_tables(empty) == 0, case
        assert list((folder / "models").iterdir()) == []
        assert [path.name for path in folder.iterdir()] == ["models"]
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "abs").exists()


def test_a_dump_that_ends_in_the_middle_restores_nothing(archive, empty, tmp_path):
    with tarfile.open(archive) as file:
        member = file.extractfile(DUMP)
        assert member is not None
        dump = member.read()
    cut = tar(tmp_path / "cut.tar", **{DUMP: dump[: len(dump) * 9 // 10]})

    with pytest.raises(OperatorError, match="pg_restore: "):
        restore(empty, tmp_path / "models", cut)

    assert n_tables(empty) == 0


def test_the_commands_do_the_same(full, models_dir, empty, monkeypatch, tmp_path):
    shutil.copytree(models_dir, tmp_path / "old" / "models")
    monkeypatch.setenv("DATABASE_URL", full)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "old"))
    saved = CliRunner().invoke(cli.app, ["backup", str(tmp_path / "file")])
    monkeypatch.setenv("DATABASE_URL", empty)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "new"))
    restored = CliRunner().invoke(cli.app, ["restore", str(tmp_path / "file")])

    assert saved.exit_code == restored.exit_code == 0, restored.output
    assert digest(empty) == digest(full)
    assert load_model(tmp_path / "new" / "models" / "first").item_ids.size


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql+psycopg://u:s3cret@db:5/x?sslmode=require", "s3cret"),
        ("postgresql+psycopg://u:p%40ss@db/x", "p@ss"),
        ("postgresql+psycopg://u@db/x", None),
        ("postgresql+psycopg://u:@/x?host=/run&port=5", None),
    ],
)
def test_no_password_stands_where_processes_are_listed(url, password):
    conninfo, environment = without_password(url)

    assert "dbname=x" in conninfo
    assert "user=u" in conninfo
    assert "password" not in conninfo
    assert environment.get("PGPASSWORD") == password
    assert ("sslmode=require" in conninfo) == ("sslmode" in url)
