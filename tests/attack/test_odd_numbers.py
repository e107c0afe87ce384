"""Numbers and documents that no one means: refused with 422, never a fault of ours."""

import hashlib
import io
import json
import struct
import zipfile

import pytest

pytestmark = pytest.mark.anyio

DIGITS = "9" * 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ratings/{user}/1", f'{{"value": {DIGITS}}}'),
        ("/ratings/{user}/1", f'{{"value": -{DIGITS}}}'),
        ("/ratings/{user}/1", '{"value": 1e999}'),
        ("/ratings/{user}/1", '{"value": 1e-999}'),
        ("/ratings/{user}/1", '{"value": ' + "[" * 100_000 + "]" * 100_000 + "}"),
        ("/ratings/{user}/1", '{"a": ' * 50_000 + "1" + "}" * 50_000),
        ("/ratings/{user}/1", "[" * 500_000),
    ],
    ids=["digits", "negative", "huge", "tiny", "deep list", "deep object", "open"],
)
async def test_an_odd_number_or_deep_document_is_refused(alice, path, body):
    headers = {"Content-Type": "application/json"}

    reply = await alice.put(
        path.format(user=alice.user_id), content=body.encode(), headers=headers
    )

    assert reply.status_code in {400, 422}, reply.text[:200]


@pytest.mark.parametrize(
    "number", [DIGITS, "1e-300", "1e-9", "0", "-1", "NaN", "1e308"]
)
@pytest.mark.parametrize(
    "name", ["minimum_effect", "alpha", "power", "control_weight", "like_share"]
)
@pytest.mark.parametrize("metric", ["likes_per_user", "like_share"])
async def test_a_plan_of_odd_numbers_is_refused_or_answered(
    admin, number, name, metric
):
    plan = {"minimum_effect": "0.05", "metric": f'"{metric}"'}
    assumed = {"like_share": "0.5", "votes_per_user": "3", "design_effect": "1.2"}
    (assumed if name in assumed else plan)[name] = number
    body = plan | {"assumed": written(assumed)}
    headers = {"Content-Type": "application/json"}

    reply = await admin.post(
        "/experiments/power", content=written(body).encode(), headers=headers
    )

    assert reply.status_code in {200, 400, 422}, reply.text[:300]


def written(parts: dict[str, str]) -> str:
    """Write an object of parts that are JSON already, whatever their numbers."""
    return "{" + ", ".join(f'"{name}": {value}' for name, value in parts.items()) + "}"


@pytest.mark.parametrize(
    "shape", ["(10**18, 10**18)", "(-1, 5)", "(10**400,)", "(3, 10**12)"]
)
async def test_factors_of_an_impossible_shape_are_refused(admin, shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {eval(shape)}}}"  # noqa: S307 - ours
    padded = header.encode().ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded
    buffer = io.BytesIO()
    manifest = {
        "format": "cinefold-item-factors", "version": 1,
        "files": {"item_factors.npy": hashlib.sha256(array).hexdigest()},
        "rating_range": [0.5, 5], "n_users": 1, "n_ratings": 1,
        "rating": {"global_mean": 3.5, "residual_variance": 0.8, "user_weight": 0.1,
                   "user_bias_weight": 1.0},
    }  # fmt: skip
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("item_factors.npy", array)
        archive.writestr("manifest.json", json.dumps(manifest))
    headers = {"Content-Type": "application/zip"}

    reply = await admin.post(
        "/models/import", content=buffer.getvalue(), headers=headers
    )

    assert reply.status_code == 422, reply.text[:300]
