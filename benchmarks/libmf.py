"""LIBMF through its C interface: a shared library that ``LIBMF`` names.

The package of that name on PyPI is built without AVX and half as fast, so it is not
used. Build the original with ``-DUSEAVX -DUSEOMP -O3 -march=native -mavx -fopenmp``.
"""

import ctypes
import os
from typing import Any

import numpy as np
import numpy.typing as npt

_Vector = npt.NDArray[Any]


class LibraryMissingError(Exception):
    """A library is not installed; the message says how to install it."""


class _Problem(ctypes.Structure):
    _fields_ = (
        ("m", ctypes.c_int),
        ("n", ctypes.c_int),
        ("nnz", ctypes.c_longlong),
        ("nodes", ctypes.c_void_p),
    )


class _Parameter(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("fun", "k", "threads", "bins", "sweeps")),
        *((name, ctypes.c_float) for name in ("p1", "p2", "q1", "q2")),
        *((name, ctypes.c_float) for name in ("eta", "alpha", "c")),
        *((name, ctypes.c_bool) for name in ("nonnegative", "quiet", "copy")),
    )


class _Model(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("fun", "m", "n", "k")),
        ("b", ctypes.c_float),
        ("p", ctypes.POINTER(ctypes.c_float)),
        ("q", ctypes.POINTER(ctypes.c_float)),
    )


class Libmf:
    """The functions that training needs."""

    def __init__(self) -> None:
        path = os.environ.get("LIBMF")
        if not path:
            raise LibraryMissingError("set LIBMF to the path of its shared library")
        self._library = ctypes.CDLL(path)
        self._library.mf_get_default_param.restype = _Parameter
        self._library.mf_train.restype = ctypes.POINTER(_Model)
        self._library.mf_train.argtypes = [ctypes.POINTER(_Problem), _Parameter]

    @staticmethod
    def nodes(users: _Vector, items: _Vector, stars: _Vector) -> _Vector:
        """Ratings as it takes them; ids serve as row indices."""
        nodes = np.empty(len(users), dtype=[("u", "i4"), ("v", "i4"), ("r", "f4")])
        nodes["u"], nodes["v"], nodes["r"] = users, items, stars
        return nodes

    def train(
        self, nodes: _Vector, k: int, *, n_sweeps: int, penalty: float, n_threads: int
    ) -> tuple[_Vector, _Vector]:
        """Train, and copy both factor matrices; rows without ratings are NaN."""
        problem = _Problem(
            int(nodes["u"].max()) + 1,
            int(nodes["v"].max()) + 1,
            len(nodes),
            nodes.ctypes.data,
        )
        parameter = self._library.mf_get_default_param()
        parameter.k, parameter.threads, parameter.sweeps = k, n_threads, n_sweeps
        parameter.p2 = parameter.q2 = penalty
        parameter.quiet, parameter.copy = True, False
        model = self._library.mf_train(ctypes.byref(problem), parameter)
        found = model.contents
        p = np.ctypeslib.as_array(found.p, (found.m, found.k)).copy()
        q = np.ctypeslib.as_array(found.q, (found.n, found.k)).copy()
        self._library.mf_destroy_model(ctypes.byref(model))
        return p, q
