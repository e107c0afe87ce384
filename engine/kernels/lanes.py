"""Sixteen single-precision numbers at a time, for the innermost loops of kernels.

Left alone, a compiler turns a loop over a few dozen factors into vectors behind checks
for overlap and remainders that cost more than the loop. These operations say what is
meant: whole vectors, on registers of any width. Uncompiled, with ``NUMBA_DISABLE_JIT``,
they are the ordinary NumPy that their definitions show.

Nothing here checks an index. Vectors may start anywhere; they are read fastest from
`dense.aligned` memory, at multiples of `LANES`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic, models, register_model

LANES = 16
"""Numbers in a vector: 512 bits, one register of the widest processors."""

Vector: TypeAlias = npt.NDArray[np.float32]
"""One dimension of memory, or the numbers of one register."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Lanes(types.Type):
    """The compiler's type of a vector."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES = _Lanes()
_REGISTER = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)


@register_model(_Lanes)
class _Register(models.PrimitiveModel):
    """The memory layout of that type."""

    def __init__(self, manager: Any, lanes: Any) -> None:
        super().__init__(manager, lanes, _REGISTER)  # type: ignore[no-untyped-call]


def _compiled_by(typing: Callable[..., Any]) -> Callable[[_Function], _Function]:
    """Give a function a compiled form, for where anything is compiled."""

    def choose(meaning: _Function) -> _Function:
        is_compiled = not vars(config)["DISABLE_JIT"]
        return cast("_Function", intrinsic(typing)) if is_compiled else meaning

    return choose


def _load(_context: Any, array: Any, start: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args)
        pointer = builder.bitcast(place, _REGISTER.as_pointer())
        return builder.load(pointer, align=4)

    return _LANES(array, types.intp), generate


@_compiled_by(_load)
def load(array: Vector, start: int) -> Vector:
    """Read the vector that begins at `start`."""
    return array[start : start + LANES].copy()


def _store(_context: Any, array: Any, start: Any, lanes: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args[:2])
        pointer = builder.bitcast(place, _REGISTER.as_pointer())
        builder.store(args[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@_compiled_by(_store)
def store(array: Vector, start: int, lanes: Vector) -> None:
    """Write the vector that begins at `start`."""
    array[start : start + LANES] = lanes


def _spread(_context: Any, value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _in_all_lanes(builder, args[0])

    return _LANES(types.float32), generate


@_compiled_by(_spread)
def spread(value: float | np.floating[Any]) -> Vector:
    """Repeat one number in all lanes."""
    return np.full(LANES, value, dtype=np.float32)


def _repeat(_context: Any, array: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args)
        return _in_all_lanes(builder, builder.load(place))

    return _LANES(array, types.intp), generate


@_compiled_by(_repeat)
def repeat(array: Vector, at: int) -> Vector:
    """Repeat one number of memory in all lanes."""
    return np.full(LANES, array[at], dtype=np.float32)


def _add(_context: Any, first: Any, second: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fadd(*args, flags=["contract"])

    return _LANES(first, second), generate


@_compiled_by(_add)
def add(first: Vector, second: Vector) -> Vector:
    """Add lane by lane."""
    return first + second


def _subtract(_context: Any, first: Any, second: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fsub(*args, flags=["contract"])

    return _LANES(first, second), generate


@_compiled_by(_subtract)
def subtract(first: Vector, second: Vector) -> Vector:
    """Subtract lane by lane."""
    return first - second


def _multiply(_context: Any, first: Any, second: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fmul(*args, flags=["contract"])

    return _LANES(first, second), generate


@_compiled_by(_multiply)
def multiply(first: Vector, second: Vector) -> Vector:
    """Multiply lane by lane."""
    return first * second


def _multiply_add(_context: Any, first: Any, second: Any, third: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        product = builder.fmul(*args[:2], flags=["contract"])
        return builder.fadd(product, args[2], flags=["contract"])

    return _LANES(first, second, third), generate


@_compiled_by(_multiply_add)
def multiply_add(first: Vector, second: Vector, third: Vector) -> Vector:
    """``first * second + third``, lane by lane, rounded once where that is free."""
    return first * second + third


def _above(_context: Any, first: Any, second: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered(">", *args), ir.IntType(LANES))
        return builder.zext(bits, ir.IntType(64))

    return types.int64(first, second), generate


@_compiled_by(_above)
def above(first: Vector, second: Vector) -> int:
    """Set bit ``i`` of a number where lane ``i`` of the first is greater."""
    return sum(1 << lane for lane in range(LANES) if first[lane] > second[lane])


def _totals(_context: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Sum within the quarters of four registers, side by side, then across quarters."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        quarters = range(0, LANES, 4)
        low = [q + lane for q in quarters for lane in (0, LANES, 1, LANES + 1)]
        a, b, c, d = args
        ab, cd = _folded(builder, a, b, low, 2), _folded(builder, c, d, low, 2)
        low = [q + lane for q in quarters for lane in (0, 1, LANES, LANES + 1)]
        abcd = _folded(builder, ab, cd, low, 2)
        half = _folded(builder, abcd, abcd, list(range(8)), 8)
        sums = _folded(builder, half, half, list(range(4)), 4)
        parts = [builder.extract_element(sums, _INDEX(lane)) for lane in range(4)]
        return context.make_tuple(builder, signature.return_type, parts)

    four: Any = types.UniTuple(types.float32, 4)  # type: ignore[no-untyped-call]
    return four(a, b, c, d), generate


@_compiled_by(_totals)
def totals(
    a: Vector, b: Vector, c: Vector, d: Vector
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Sum the lanes of each of four vectors."""
    return a.sum(), b.sum(), c.sum(), d.sum()


def _place(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """Address of a number in an array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [at])


def _in_all_lanes(builder: Any, value: Any) -> Any:
    first = builder.insert_element(_REGISTER(ir.Undefined), value, _INDEX(0))
    return _shuffled(builder, first, first, [0] * LANES)


def _folded(builder: Any, first: Any, second: Any, low: list[int], step: int) -> Any:
    """Add the lanes `low` of two registers to those `step` places on."""
    high = [lane + step for lane in low]
    return builder.fadd(
        _shuffled(builder, first, second, low), _shuffled(builder, first, second, high)
    )


def _shuffled(builder: Any, first: Any, second: Any, order: list[int]) -> Any:
    mask = ir.VectorType(_INDEX, len(order))(order)
    return builder.shuffle_vector(first, second, mask)
