"""The schema, up and down, and the same as the mapped tables."""

import psycopg
import pytest
from alembic import command
from alembic.util import CommandError

from api.storage.database import alembic_config, migrate
from api.tables import FIRST_REGISTERED_USER_ID, Table
from tests.conftest import create_database

OBJECTS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
"""

VOTES = """
INSERT INTO users (id) VALUES (7);
INSERT INTO movies (id, title) VALUES (1, 'One'), (2, 'Two');
INSERT INTO models (id, folder, manifest) VALUES (1, 'first', '{}');
INSERT INTO experiments (
    id, name, hypothesis, metric, minimum_effect, alpha, power, traffic_share,
    algorithm_version, traffic_salt, variant_salt
) VALUES (1, '', '', 'like_share', 0.1, 0.05, 0.8, 1, 1, 't', 'v');
INSERT INTO variants (id, experiment_id, position, name, weight, model_id, head)
VALUES (1, 1, 0, 'A', 1, 1, 'ranking');
INSERT INTO feedback (user_id, movie_id, variant_id, is_like, voted_at) VALUES
    (7, 1, NULL, true, '2026-01-01'), (7, 1, 1, false, '2026-01-03'),
    (7, 2, 1, false, '2026-01-01'), (7, 2, NULL, true, '2026-01-02');
"""


@pytest.fixture
def url(server):
    return create_database(server, "cinefold_migrations")


def objects(url: str) -> set[str]:
    """Name everything in the database but Alembic's own table."""
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        names = {name for (name,) in connection.execute(OBJECTS)}
    return {name for name in names if "alembic_version" not in name}


def test_the_schema_goes_up_and_down_and_up_again(url):
    migrate(url)
    up = objects(url)

    command.downgrade(alembic_config(url), "base")
    down = objects(url)
    migrate(url)

    assert {table.name for table in Table.metadata.sorted_tables} <= up
    assert down == set()
    assert objects(url) == up


INTERLEAVED = """
INSERT INTO users (id) VALUES (1);
INSERT INTO experiments (name, hypothesis, kind, metric, minimum_effect, alpha, power,
    traffic_share, algorithm_version, traffic_salt, variant_salt)
SELECT kind, '', kind, 'likes_per_user', 1, 0.05, 0.8, 1, 1, 'a', 'b'
    FROM unnest(ARRAY['split', 'interleaved']) AS kind;
INSERT INTO exposures (experiment_id, user_id)
    SELECT id, 1 FROM experiments WHERE kind = 'interleaved';
"""


def test_only_interleaved_experiments_are_lost_on_the_way_down(url):
    """Their exposures name no variant, which the older schema cannot hold."""
    migrate(url)
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute(INTERLEAVED)

    command.downgrade(alembic_config(url), "0005")

    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        left = connection.execute("SELECT name FROM experiments").fetchall()
        n_exposures = connection.execute("SELECT count(*) FROM exposures").fetchone()
    assert left == [("split",)]
    assert n_exposures == (0,)


def test_the_schema_is_that_of_the_mapped_tables(url):
    migrate(url)

    command.check(alembic_config(url))  # raises at a difference


def test_a_difference_to_the_mapped_tables_would_be_found(url):
    migrate(url)
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute("ALTER TABLE ratings ALTER rated_at DROP NOT NULL")
        connection.execute("DROP INDEX sessions_user_id_idx")

    with pytest.raises(CommandError, match="New upgrade operations detected"):
        command.check(alembic_config(url))


def test_migrating_twice_changes_nothing(url):
    migrate(url)
    before = objects(url)

    migrate(url)

    assert objects(url) == before


def test_opinions_begin_as_the_last_votes(url):
    migrate(url)
    command.downgrade(alembic_config(url), "0005")
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute(VOTES)

    migrate(url)

    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        query = (
            "SELECT movie_id, is_like, voted_at::date::text FROM opinions ORDER BY 1"
        )
        assert connection.execute(query).fetchall() == [
            (1, False, "2026-01-03"),
            (2, True, "2026-01-02"),
        ]


def test_registered_users_start_above_the_ids_of_imported_ones(url):
    migrate(url)

    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        row = connection.execute("INSERT INTO users DEFAULT VALUES RETURNING id")
        assert row.fetchone() == (FIRST_REGISTERED_USER_ID,)
