"""A killed enrichment goes on where it was."""

import signal

import psycopg
import pytest

from tests.conftest import create_database
from tests.service import Process, wait_for
from tests.tmdb import KEY, serving

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

N_MOVIES = 40


def test_a_killed_run_loses_one_movie_at_most(server, template, tmp_path):
    url = create_database(server, "cinefold_enriched", template=template)
    plain = url.replace("+psycopg", "", 1)
    with psycopg.connect(plain) as connection:
        connection.execute(
            "UPDATE movies SET tmdb_id = id"
            " WHERE id IN (SELECT id FROM movies ORDER BY id LIMIT %s)",
            (N_MOVIES,),
        )

    def n_described() -> int:
        with psycopg.connect(plain) as connection:
            query = "SELECT count(*) FROM descriptions"
            return int(connection.execute(query).fetchall()[0][0])

    with serving() as peer:
        environment = {
            "DATABASE_URL": url,
            "DATA_DIR": str(tmp_path),
            "TMDB_API_KEY": KEY,
            "TMDB_URL": peer.url,
        }
        killed = Process("enrich", log=tmp_path / "killed.log", **environment)
        wait_for(lambda: n_described() >= 3, seconds=60, what="the first movies")
        status = killed.end(signal.SIGKILL)
        kept = n_described()
        heir = Process("enrich", log=tmp_path / "heir.log", **environment)
        heir_status = heir.process.wait(60)

    assert status == -signal.SIGKILL
    assert 3 <= kept < N_MOVIES
    assert heir_status == 0, heir.output
    assert n_described() == N_MOVIES
    assert sum(peer.asked.values()) <= N_MOVIES + 1
    assert f"{N_MOVIES - kept} movies described" in heir.output
    assert KEY not in killed.output + heir.output
