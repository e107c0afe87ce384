"""The training code, and edits proposed to it: stored, discussed, never run."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text, update

from api.services import proposals
from api.services.proposals import difference
from api.tables import Model, Source
from engine.jobs.run import training_source

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000
PATH = "engine/training/als.py"
SHA256, MODULES = training_source()


@pytest.fixture
async def model_id(session, trained):
    """The active model, with the code that trained it."""
    session.add(Source(sha256=SHA256, modules=MODULES))
    await session.flush()
    await session.execute(update(Model).values(source=SHA256))
    await session.commit()
    return trained.id


@pytest.fixture
def body(model_id):
    """A proposal to start from smaller factors."""
    edited = MODULES[PATH].replace("_INITIAL_SCALE = 0.1", "_INITIAL_SCALE = 0.01")
    return {
        "model_id": model_id,
        "path": PATH,
        "text": edited,
        "comment": "Smaller is safer.\nIs it not?",
    }


async def test_the_code_that_made_a_model_is_shown(alice, model_id):
    reply = (await alice.get(f"/models/{model_id}/source")).json()

    texts = {module["path"]: module["text"] for module in reply["modules"]}
    assert reply["sha256"] == SHA256
    assert texts == MODULES
    assert "def half_step(" in texts[PATH]
    assert "engine/jobs/run.py" in texts


async def test_a_model_trained_elsewhere_has_no_source(alice, trained):
    assert (await alice.get(f"/models/{trained.id}/source")).status_code == 404
    assert (await alice.get(f"/models/{UNKNOWN}/source")).status_code == 404


def applied(patch: bytes, folder: Path) -> Path:
    """Apply a patch to a fresh copy of the module."""
    module = folder / PATH
    module.parent.mkdir(parents=True)
    module.write_text(MODULES[PATH])
    (folder / "it.patch").write_bytes(patch)
    command = ["/usr/bin/env", "git", "apply", "it.patch"]
    subprocess.run(command, cwd=folder, check=True)
    return module


async def test_a_proposal_is_a_patch_that_git_applies(alice, body, tmp_path):
    created = await alice.post("/code-proposals", json=body)
    path = f"/code-proposals/{created.json()['id']}"
    patch = await alice.get(f"{path}/patch")

    module = applied(patch.content, tmp_path)

    assert created.status_code == 201
    assert created.json()["author"] == "alice"
    assert created.json()["status"] == "open"
    assert (await alice.get(path)).json() == created.json()
    assert module.read_text() == body["text"]
    assert "attachment" in patch.headers["content-disposition"]
    assert "Smaller" not in patch.text


@given(
    before=st.text(st.sampled_from("ab\n\r\f\u2028é"), max_size=30),
    after=st.text(st.sampled_from("ab\n\r\f\u2028é"), max_size=30),
)
def test_a_diff_holds_both_texts_exactly(before, after):
    diff = difference("m.py", before, after)

    def side(mark: str) -> str:
        """Read one of the two texts back from a diff that shows all of both."""
        lines = diff.split("\n")[3:-1]
        kept = [
            (line[1:], following.startswith("\\"))
            for line, following in zip(lines, [*lines[1:], ""], strict=True)
            if line[:1] in {mark, " "}
        ]
        return "".join(text + ("" if is_cut else "\n") for text, is_cut in kept)

    if before == after:
        assert diff == ""
    elif before.count("\n") <= 3:  # then the context reaches from end to end
        assert (side("-"), side("+")) == (before, after)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"path": "api/main.py"}, "path"),
        ({"path": "../engine/training/als.py"}, "path"),
        ({"model_id": UNKNOWN}, "path"),
        ({"text": MODULES[PATH]}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "\n" * 5001}, "text"),
        ({"text": "x" * 200_001}, "text"),
        ({"comment": ""}, "comment"),
        ({"comment": "\x1b[2J"}, "comment"),
        ({"status": "accepted"}, "status"),
    ],
)
async def test_a_proposal_that_cannot_be_is_422(alice, body, change, field):
    reply = await alice.post("/code-proposals", json={**body, **change})

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == ["body", field]
    assert (await alice.get("/code-proposals")).json()["items"] == []


async def test_proposals_are_listed_by_state_and_page(alice, admin, body):
    ids = [
        (await alice.post("/code-proposals", json=body)).json()["id"] for _ in range(3)
    ]
    await admin.put(f"/code-proposals/{ids[0]}/decision", json={"status": "declined"})

    page = (await alice.get("/code-proposals?limit=2")).json()
    rest = await alice.get(f"/code-proposals?limit=2&cursor={page['next_cursor']}")
    opened = (await alice.get("/code-proposals?status=open")).json()["items"]

    assert [each["id"] for each in page["items"]] == ids[:0:-1]
    assert [each["id"] for each in rest.json()["items"]] == ids[:1]
    assert rest.json()["next_cursor"] is None
    assert [each["id"] for each in opened] == ids[:0:-1]


async def test_a_proposal_is_discussed_and_decided_once(alice, bob, admin, body):
    created = await alice.post("/code-proposals", json=body)
    path = f"/code-proposals/{created.json()['id']}"

    await bob.post(f"{path}/comments", json={"text": "Measured?"})
    await alice.post(f"{path}/comments", json={"text": "Not yet."})
    by_user = await bob.put(f"{path}/decision", json={"status": "accepted"})
    decided = await admin.put(f"{path}/decision", json={"status": "accepted"})
    again = await admin.put(f"{path}/decision", json={"status": "accepted"})
    other = await admin.put(f"{path}/decision", json={"status": "declined"})

    said = [(each["author"], each["text"]) for each in decided.json()["comments"]]
    assert said == [("bob", "Measured?"), ("alice", "Not yet.")]
    assert by_user.status_code == 404
    assert decided.json()["status"] == "accepted"
    assert decided.json()["decided_at"] is not None
    assert again.json() == decided.json()
    assert other.status_code == 409


async def test_proposals_and_remarks_have_an_end(alice, bob, body, monkeypatch):
    monkeypatch.setattr(proposals, "MAX_OPEN", 2)
    monkeypatch.setattr(proposals, "MAX_COMMENTS", 1)

    posted = [await alice.post("/code-proposals", json=body) for _ in range(3)]
    by_bob = await bob.post("/code-proposals", json=body)
    path = f"/code-proposals/{by_bob.json()['id']}/comments"
    said = [await bob.post(path, json={"text": "More."}) for _ in range(2)]

    assert [reply.status_code for reply in posted] == [201, 201, 429]
    assert by_bob.status_code == 201
    assert [reply.status_code for reply in said] == [201, 409]


async def test_a_proposal_outlives_its_author(alice, bob, body, session):
    created = (await alice.post("/code-proposals", json=body)).json()
    await session.execute(text("DELETE FROM users WHERE username = 'alice'"))
    await session.commit()

    found = (await bob.get(f"/code-proposals/{created['id']}")).json()

    assert found == {**created, "author": None}


async def test_an_unknown_proposal_is_404(alice, admin):
    path = f"/code-proposals/{UNKNOWN}"

    assert (await alice.get(path)).status_code == 404
    assert (await alice.get(f"{path}/patch")).status_code == 404
    remark = await alice.post(f"{path}/comments", json={"text": "Where?"})
    decision = await admin.put(f"{path}/decision", json={"status": "accepted"})
    assert remark.status_code == decision.status_code == 404
