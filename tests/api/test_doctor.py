"""The check-up: each thing an operator can get wrong is found, with its remedy."""

import shutil
import signal
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text, update
from typer.testing import CliRunner

from api.commands import main as cli
from api.main import refuse_unsafe_database
from api.services import doctor
from api.services.doctor import Finding, examine
from api.settings import Settings
from api.storage.database import create_engine, create_session_factory
from api.tables import Model, User
from api.web.problems import UnsafeDatabase
from tests.conftest import create_database

pytestmark = pytest.mark.anyio


@pytest.fixture
def own_settings(models_dir: Path, tmp_path: Path) -> Settings:
    """Settings over a copy of the tests' model, in a folder as the worker makes it."""
    shutil.copytree(models_dir, tmp_path / "models")
    (tmp_path / "models").chmod(0o700)
    return Settings(data_dir=tmp_path)


async def finding(session, settings: Settings, name: str) -> Finding:
    """Look at one thing."""
    findings = {found.name: found for found in await examine(session, settings)}
    return findings[name]


async def test_a_sound_installation_has_nothing_to_remedy(session, admin, own_settings):
    findings = await examine(session, own_settings)

    assert admin.user_id
    assert [found.name for found in findings] == [
        "database", "durability", "migrations", "model", "disk", "folder", "password",
        "administrator", "proxies", "transport",
    ]  # fmt: skip
    assert {f.name: f.remedy for f in findings if f.remedy} == {}


async def test_a_proxy_that_nobody_trusts_is_found(session, own_settings):
    url = "https://movies.example.org"
    settings = own_settings.model_copy(update={"public_url": url})
    trusting = Settings.model_validate(
        {**settings.model_dump(), "trusted_proxies": "172.16.0.0/12"}
    )

    found = await finding(session, settings, "proxies")
    assert found.remedy is not None
    assert "TRUSTED_PROXIES" in found.remedy
    assert (await finding(session, trusting, "proxies")).remedy is None


async def test_a_schema_of_a_newer_version_asks_for_that_version(session, own_settings):
    await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    found = await finding(session, own_settings, "migrations")

    assert found.remedy == "install the newer version of Cinefold"


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes"])
async def test_a_setting_that_loses_what_was_acknowledged_is_found(name):
    server = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

    found = doctor._durability({**server, name: "off"})  # noqa: SLF001 - fsync cannot be off here

    assert f"{name} is off" in found.found
    assert found.remedy


async def test_a_session_without_durable_commits_is_found(session, own_settings):
    await session.execute(text("SET LOCAL synchronous_commit = off"))

    found = await finding(session, own_settings, "durability")

    assert found.found == "synchronous_commit is off"
    assert found.remedy is not None


async def test_a_database_that_forgets_is_refused_unless_that_is_accepted(
    session, own_settings
):
    reckless = own_settings.model_copy(update={"allow_unsafe_durability": True})
    await doctor.require_durability(session, own_settings)
    await session.execute(text("SET LOCAL synchronous_commit = off"))

    await doctor.require_durability(session, reckless)
    with pytest.raises(UnsafeDatabase, match="ALLOW_UNSAFE_DURABILITY"):
        await doctor.require_durability(session, own_settings)


def test_an_old_server_is_found():
    assert doctor._version({"server_version_num": "140011"}).remedy  # noqa: SLF001 - none runs here
    assert not doctor._version({"server_version_num": "150000"}).remedy  # noqa: SLF001 - likewise


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '0001'",
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
    ],
)
async def test_a_schema_that_is_behind_is_found(session, own_settings, statement):
    await session.execute(text(statement))

    found = await finding(session, own_settings, "migrations")

    assert found.remedy == "run `cinefold migrate`"


async def test_a_missing_model_is_found(session, own_settings):
    await session.execute(update(Model).values(is_active=False))

    found = await finding(session, own_settings, "model")

    assert "popular movies" in found.found
    assert found.remedy == "run `cinefold train`"


async def test_a_damaged_model_is_found(session, own_settings):
    await session.execute(update(Model).values(folder="nowhere"))

    found = await finding(session, own_settings, "model")

    assert found.remedy == "train or restore one"


async def test_a_full_disk_is_found(session, own_settings, monkeypatch):
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 2**80)

    assert (await finding(session, own_settings, "disk")).remedy


async def test_a_folder_that_is_not_there_yet_is_no_fault(session, tmp_path):
    settings = Settings(data_dir=tmp_path / "new" / "folder")

    folder = await finding(session, settings, "folder")
    disk = await finding(session, settings, "disk")

    assert (folder.remedy, disk.remedy) == (None, None)


@pytest.mark.parametrize(("mode", "is_fine"), [(0o700, True), (0o755, False)])
async def test_a_folder_of_models_open_to_others_is_found(
    session, tmp_path, mode, is_fine
):
    (tmp_path / "models").mkdir()
    (tmp_path / "models").chmod(mode)

    found = await finding(session, Settings(data_dir=tmp_path), "folder")

    assert (found.remedy is None) is is_fine


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        (None, True),
        ("postgresql://u@db/x", True),
        ("postgresql://u:kX9-q2_Lm@db/x", True),
        ("postgresql://u:postgres@db/x", False),
        ("postgresql://u:ChangeMe@db/x", False),
    ],
)
async def test_a_placeholder_for_a_password_is_found_and_not_printed(
    session, own_settings, url, is_fine
):
    settings = Settings(data_dir=own_settings.data_dir, database_url=url)

    found = await finding(session, settings, "password")

    assert (found.remedy is None) is is_fine
    assert "kX9" not in found.found
    assert "ChangeMe" not in found.found


async def test_a_one_time_password_still_in_use_is_found(session, admin, own_settings):
    await session.execute(
        update(User).where(User.id == admin.user_id).values(must_change_password=True)
    )

    assert (await finding(session, own_settings, "administrator")).remedy


@pytest.mark.parametrize(
    ("environment", "is_fine"),
    [
        ({}, True),
        ({"host": "0.0.0.0", "public_url": "https://films.example.org"}, True),  # noqa: S104 - no bind
        ({"host": "0.0.0.0", "public_url": "http://films.example.org"}, False),  # noqa: S104 - likewise
        ({"host": "0.0.0.0"}, False),  # noqa: S104 - likewise
    ],
)
async def test_passwords_in_the_clear_are_found(
    session, own_settings, environment, is_fine
):
    settings = Settings(data_dir=own_settings.data_dir, **environment)

    assert ((await finding(session, settings, "transport")).remedy is None) is is_fine


async def test_a_process_ends_when_an_unsafe_database_comes(server, tmp_path):
    url = create_database(server, "cinefold_forgetful")
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as plain:
        plain.execute("ALTER DATABASE cinefold_forgetful SET synchronous_commit = off")
    settings = Settings(data_dir=tmp_path)
    engine = create_engine(settings, url)
    sessions = create_session_factory(engine)
    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))

    try:
        await refuse_unsafe_database(sessions, settings)
        accepting = settings.model_copy(update={"allow_unsafe_durability": True})
        await refuse_unsafe_database(sessions, accepting)
    finally:
        signal.signal(signal.SIGTERM, before)
        await engine.dispose()

    assert ended == [signal.SIGTERM]


def test_the_command_prints_a_line_each_and_fails_at_a_fault(
    server, template, monkeypatch, tmp_path
):
    url = create_database(server, "cinefold_doctor", template=template)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    result = CliRunner().invoke(cli.app, ["doctor"])

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert len(lines) == 10
    assert [line for line in lines if line.startswith("FAIL")] == [
        line for line in lines if " → " in line
    ]
    assert any(line.startswith("FAIL model") for line in lines)  # none in this folder


def test_a_database_that_is_away_is_one_line(server, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", server.replace("/postgres?", "/nowhere?"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    result = CliRunner().invoke(cli.app, ["doctor"])

    assert result.exit_code == 1
    assert result.stdout.startswith("FAIL database      cannot be reached → ")
