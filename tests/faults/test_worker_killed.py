"""A dead training changes nothing (F2)."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from api.fault_points import VARIABLE
from tests.conftest import create_database
from tests.service import Process, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

POINTS = (
    "claimed",
    "data read",
    "rating sweep 3",
    "ranking sweep 2",
    "before publish",
    "after publish",
)
# Small, for six of them train at a time.
ADD_RUN = """
INSERT INTO training_runs (parameters) VALUES ('{
    "evaluate": "never",
    "rating": {"n_factors": 4, "n_sweeps": 4},
    "ranking": {"n_factors": 4, "n_sweeps": 4}
}')
"""


class Scene:
    """A database with an active model, a models folder, and workers for them."""

    def __init__(self, server: str, template: str, folder: Path, n: int) -> None:
        self.url = create_database(server, f"cinefold_killed_{n}", template=template)
        self.folder = folder / str(n)
        (self.folder / "models" / "first").mkdir(parents=True)
        # What a kill during the writing leaves, by tests/engine/test_artifacts.py; and
        # what belongs to others.
        self.query("INSERT INTO model_folders (name) VALUES ('0-half')")
        (self.folder / "models" / "7-theirs").mkdir()
        (self.folder / "models" / "note.txt").write_text("of the operator")
        (unfinished := self.folder / "models" / ".0-half.made").mkdir()
        (unfinished / "item_ids.npy").write_bytes(b"half")

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement and return its rows."""
        with psycopg.connect(self.url.replace("+psycopg", "", 1)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def work(self, log: str, **environment: str) -> Process:
        """Start a worker."""
        return Process(
            "worker",
            log=self.folder / log,
            DATABASE_URL=self.url,
            DATA_DIR=str(self.folder),
            **environment,
        )

    def status(self, run_id: int) -> str:
        """Read how a run stands."""
        rows = self.query("SELECT id, status FROM training_runs")
        return next(str(status) for id_, status in rows if id_ == run_id)


def test_a_killed_worker_leaves_the_active_model_and_a_failed_run(
    server, template, tmp_path
):
    scenes = [Scene(server, template, tmp_path, n) for n in range(len(POINTS))]

    with ThreadPoolExecutor(len(POINTS)) as pool:
        for result in pool.map(play, scenes, POINTS):
            result()


def play(scene: Scene, point: str):
    """Kill a worker at a point, then let another one find the run."""
    scene.query(ADD_RUN)
    killed = scene.work("killed.log", **{VARIABLE: point})
    status = killed.process.wait(90)
    active = scene.query("SELECT folder FROM models WHERE is_active")[0][0]

    heir = scene.work("heir.log")
    try:
        seconds = wait_for(
            lambda: scene.status(1) in {"failed", "succeeded"},
            seconds=60,
            what=f"the run killed at {point} ends",
        )
        first = scene.query("SELECT status, error FROM training_runs WHERE id = 1")[0]
        scene.query(ADD_RUN)
        wait_for(
            lambda: scene.status(2) == "succeeded", seconds=60, what="the next run"
        )
    finally:
        heir.end(signal.SIGTERM)
    folders = {path.name for path in (scene.folder / "models").iterdir()}
    published = {str(row[0]) for row in scene.query("SELECT folder FROM models")}

    def judge() -> None:
        assert status == -signal.SIGKILL, killed.output
        if point == "after publish":
            assert first == ("succeeded", None)
            assert active != "first"
        else:
            assert first == ("failed", "worker lost")
            assert active == "first"
            assert seconds < 30
        assert folders == published | {"7-theirs", "note.txt"}

    return judge
