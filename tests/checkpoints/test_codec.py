"""States as bytes: equal to the bit when they come back, and no other error than a file's when they are damaged."""

import hashlib
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from downslope import GradientDescentRegressor, SGDRegressor
from downslope.checkpoints.codec import HEADER, HOMES, SUMMED_FROM, Writer, decode, encode
from downslope.descent.history import History
from downslope.exceptions import DownslopeWarning, FileError, InputError
from downslope.fitting.request import Continuation
from downslope.objective.losses import LOSSES
from downslope.steps.rules import METHODS
from downslope.steps.schedules import Constant, Cosine, Exponential, InverseScaling, InverseTime, StepDecay
from downslope.texts import speaking

Array = np.ndarray
KINKED = ("absolute_error", "quantile", "epsilon_insensitive")
SCHEDULES = (
    Constant(0.05),
    Cosine(0.05, epochs=9, last=1e-3),
    Exponential(0.05, 0.9),
    InverseScaling(0.05),
    InverseTime(0.05, 5.0),
    StepDecay(0.05, every=3),
)


def rows() -> tuple[Array, Array]:
    random = np.random.default_rng(3)
    X = random.normal(size=(40, 3)) @ random.normal(size=(3, 3)) + 1
    return X, X @ [1.0, -2.0, 0.5] + 3 + random.standard_t(2.0, size=40)


def same(first: Any, second: Any) -> bool:
    """Whether two trees are of the same types and equal to the bit."""
    if type(first) is not type(second):
        return False
    if isinstance(first, np.ndarray | np.generic):
        return (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())
    if isinstance(first, np.random.Generator):
        return same(first.bit_generator.state, second.bit_generator.state)
    if isinstance(first, float):
        return np.float64(first).tobytes() == np.float64(second).tobytes()
    if isinstance(first, History):
        return same(dict(first), dict(second)) and same(vars(first), vars(second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second if not hasattr(first, "__dict__") else same(vars(first), vars(second))


def records(model: GradientDescentRegressor) -> dict[str, Any]:
    """All that a run says, less the seconds."""
    history = model.history_
    columns = {name: column for name, column in history.items() if name != "seconds"}
    said = (model.stop_reason_.value, model.n_iter_, model.restored_epoch_, model.learning_rate_)
    return {**columns, "path": history.coef, "level": history.intercept, "coef": model.coef_, "said": said}


def assert_goes_on_alike(options: dict[str, Any], **rows_held: Any) -> None:
    """Four epochs and five more are the same whether the state between them was bytes or not."""
    X, y = rows()
    options = {"tol": 0, "init": "uniform", "random_state": 0, **options}
    model = GradientDescentRegressor(max_iter=4, warm_start=True, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DownslopeWarning)
        going_on: Continuation = model.fit(X, y, **rows_held)._going_on
        kept = encode(going_on)
        expected = records(model.set_params(max_iter=5).fit(X, y, **rows_held))
        model._going_on = decode(kept)
        assert same(model._going_on, decode(kept))
        found = records(model.fit(X, y, **rows_held))
    assert same(found, expected)


# ---------------------------------------------------------------------------------------------- descents that go on
CASES = [
    (engine, method, loss)
    for engine in ("spectral", "moments", "data", "row by row", "mini-batches")
    for method in (*METHODS, "auto")
    for loss in LOSSES
    if not (method == "saga" and loss in KINKED)
    and not (engine == "spectral" and method not in ("gd", "momentum", "nesterov", "auto"))
    and not (engine in ("spectral", "moments") and loss != "squared_error")
]


@pytest.mark.parametrize("learning_rate", ["auto", 0.05])
@pytest.mark.parametrize(("engine", "method", "loss"), CASES)
def test_every_engine_method_and_loss(engine: str, method: str, loss: str, learning_rate: Any) -> None:
    batch_size = {"row by row": 1, "mini-batches": 7}.get(engine)
    engine = engine if batch_size is None else "stochastic"
    steps = {"engine": engine, "method": method, "batch_size": batch_size, "learning_rate": learning_rate}
    assert_goes_on_alike({"loss": loss, **steps})


@pytest.mark.parametrize("method", ["momentum", "auto"])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_penalties(batch_size: int | None, penalty: str, method: str) -> None:
    assert_goes_on_alike({"penalty": penalty, "alpha": 0.1, "batch_size": batch_size, "method": method})


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("batch_size", [None, 7])
def test_schedules(batch_size: int | None, schedule: Any) -> None:
    assert_goes_on_alike({"learning_rate": schedule, "batch_size": batch_size, "standardize": False})


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("rate", ["auto", 20.0], ids=["in the middle", "after a divergence"])
def test_early_stopping(rate: Any, batch_size: int | None) -> None:
    X, y = rows()
    options = {"early_stopping": True, "n_iter_no_change": 2, "learning_rate": rate, "batch_size": batch_size}
    assert_goes_on_alike(options, X_val=X[:9] + 2.0, y_val=y[:9])


# -------------------------------------------------------------------------------------------------------- all trees
NUMBERS = st.one_of(
    *(arrays_of.integer_dtypes(), arrays_of.floating_dtypes(), arrays_of.complex_number_dtypes()),
    *(arrays_of.unsigned_integer_dtypes(), arrays_of.boolean_dtypes()),
)
ARRAYS = NUMBERS.flatmap(lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0)))
LAID_OUT: list[Callable[[Array], Array]] = [np.copy, np.asfortranarray, lambda a: a.T, lambda a: a[..., ::-1], np.sort]
SEEDS = st.integers(0, 2**31)
BITS = (np.random.PCG64, np.random.PCG64DXSM, np.random.SFC64, np.random.MT19937, np.random.Philox)
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), ARRAYS),
    st.builds(lambda kind, seed: np.random.Generator(kind(seed)), st.sampled_from(BITS), SEEDS),
    st.floats().map(np.float64),
    st.sampled_from([np.float32(0.1), np.int64(3), np.bool_(True), np.complex128(1 + 2j)]),
)
TREES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.lists(parts, max_size=4).map(tuple)
        | st.dictionaries(st.text(st.characters()), parts, max_size=4)
    ),
    max_leaves=12,
)


@given(TREES)
def test_trees_come_back(tree: Any) -> None:
    assert same(decode(encode(tree)), tree)


@given(st.binary(min_size=8, max_size=8))
def test_floats_come_back_to_the_bit(bits: bytes) -> None:
    number = float(np.frombuffer(bits, "<f8")[0])
    assert np.float64(decode(encode(number))).tobytes() == np.float64(number).tobytes()


@given(arrays_of.arrays(np.float64, arrays_of.array_shapes(max_dims=3, min_side=0)), st.sampled_from(LAID_OUT[:4]))
def test_arrays_lie_as_they_lay(array: Array, lay: Callable[[Array], Array]) -> None:
    array = lay(array) if array.ndim else array
    found = decode(encode([array, array]))[1]
    assert found.tobytes() == array.tobytes()
    assert found.flags.writeable
    assert found.flags.aligned
    # Rows that are strided lie one after another afterwards.
    if array.flags.c_contiguous or array.flags.f_contiguous:
        assert (found.flags.c_contiguous, found.flags.f_contiguous) == (
            array.flags.c_contiguous,
            array.flags.f_contiguous,
        )


@pytest.mark.parametrize("kind", BITS)
def test_generators_go_on_with_the_same_numbers(kind: Any) -> None:
    generator = np.random.Generator(kind(5))
    generator.integers(10, size=3, dtype=np.int32)
    again = decode(encode(generator))
    assert again.integers(10**6, size=999).tolist() == generator.integers(10**6, size=999).tolist()


def test_every_value_that_is_listed_stands_where_it_is_said_to_stand() -> None:
    for home, names in HOMES.items():
        for name in names:
            assert getattr(import_module(home), name).__module__ == home


LIGHT = """
import sys
import numpy as np
from downslope.descent.state import State
from downslope.checkpoints.codec import decode, encode
decode(encode(State(np.zeros(2))))
try:
    decode(sys.stdin.buffer.read())
finally:
    print("numba" in sys.modules)
"""


@pytest.mark.parametrize("batch_size", [None, 7])
def test_numba_is_not_loaded_to_read_a_state(batch_size: int | None) -> None:
    kept = encode(GradientDescentRegressor(batch_size=batch_size, max_iter=2, tol=0).fit(*rows())._going_on.state)
    run = subprocess.run([sys.executable, "-W", "error", "-c", LIGHT], input=kept, capture_output=True, check=True)
    assert run.stdout.decode().split() == ["False"]


# ---------------------------------------------------------------------------------------------------------- refusals
class Own(GradientDescentRegressor):
    pass


CANNOT = {
    "a function": (lambda epoch: 0.1, r"is a function, .* fit with learning_rate='auto', a number or a schedule"),
    "a class": (Own, r"is a function, of which only its author"),
    "an estimator": (SGDRegressor(), r"a state cannot keep SGDRegressor\(\), which is of type SGDRegressor: it keeps"),
    "objects": (np.array([[None], [1]]), r"a state cannot keep array\(\[\[None\].*, which is of type array\[object\]"),
    "a set": ({1}, r"a state cannot keep \{1\}, which is of type set"),
    "bytes": (b"x", r"cannot keep b'x', which is of type bytes"),
    "numbers as keys": ({1: 2}, r"cannot keep 1, which is of type dict\[int\]"),
    "a text of numpy": (np.str_("x"), r"of type str_: it keeps"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_kept(case: str) -> None:
    value, told = CANNOT[case]
    with pytest.raises(InputError, match=told) as caught:
        encode([{"inside": (value,)}])
    assert "\n" not in str(caught.value)
    with speaking("ko"):
        assert str(caught.value).endswith("요")


def test_a_schedule_of_ones_own() -> None:
    model = GradientDescentRegressor(learning_rate=lambda epoch: 0.1, max_iter=2, tol=0).fit(*rows())
    with pytest.raises(InputError, match=r"a number or a schedule of downslope\.schedules"):
        encode(model._going_on)
    assert encode(model._going_on.state)


def test_values_inside_themselves() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InputError, match="these values hold each other without end"):
        encode(endless)


# ------------------------------------------------------------------------------------------------------------ damage
def sealed(data: bytes) -> bytes:
    """The bytes with the checksum that their content has."""
    magic, version, _, length = HEADER.unpack_from(data)
    return HEADER.pack(magic, version, hashlib.sha256(data[SUMMED_FROM:]).digest(), length) + data[HEADER.size :]


def of_tree(tree: Any, numbers: bytes = b"") -> bytes:
    text = json.dumps(tree).encode()
    return sealed(HEADER.pack(b"downslop", 1, bytes(32), len(text)) + text + numbers)


def assert_refused(data: bytes, told: str) -> None:
    with pytest.raises(FileError, match=told) as caught:
        decode(data)
    assert caught.value.finding is not None
    with speaking("ko"):
        assert str(caught.value).endswith("요")


FOREIGN = (b"", b"downslop", b"x" * 100, b"PK\x03\x04" + b"0" * 50, b'{"format": "downslope-model", "version": 2}')


@pytest.mark.parametrize("data", FOREIGN)
def test_bytes_of_others(data: bytes) -> None:
    assert_refused(data, "these are not the bytes of a descent's state: give those that downslope wrote")


def test_a_later_version() -> None:
    kept = encode(1.0)
    assert_refused(kept[:8] + b"\x07" + kept[9:], r"version 7 of its format .* reads version 1: install the downslope")


FORGED: dict[str, tuple[Any, bytes]] = {
    "an unknown kind": ({"Oracle": {}}, b""),
    "a module": ({"os": {"system": "ls"}}, b""),
    "two kinds": ({"tuple": [], "dict": {}}, b""),
    "no kind": ({}, b""),
    "a state without its parts": ({"State": {"parameters": None}}, b""),
    "a state of other parts": ({"Watch": {"scale": 0.0, "best": 0.0, "since": 0, "more": 1}}, b""),
    "a state of no parts": ({"Watch": 3}, b""),
    "a schedule that none could be": ({"Constant": {"rate": -1.0}}, b""),
    "a schedule in words": ({"Constant": {"rate": "fast"}}, b""),
    "an array of objects": ({"array": ["|O8", [1], "C"]}, b"00000000"),
    "an array of records": ({"array": ["i4,i4", [1], "C"]}, b"00000000"),
    "an array of a type that none has": ({"array": ["<f3", [1], "C"]}, b"000"),
    "more than there is": ({"array": ["<f8", [2], "C"]}, b"00000000"),
    "less than there is": ({"array": ["<f8", [1], "C"]}, b"0000000011111111"),
    "more than there could be": ({"array": ["<f8", [2**62, 2**62], "C"]}, b"00000000"),
    "less than nothing": ({"array": ["<f8", [-1, -1], "C"]}, b"00000000"),
    "a share of a number": ({"array": ["<f8", [1.0], "C"]}, b"00000000"),
    "another order": ({"array": ["<f8", [1], "K"]}, b"00000000"),
    "a float of too few bits": ({"float": "00"}, b""),
    "an integer in words": ({"int": "many"}, b""),
    "a generator of others": ({"generator": {"dict": {"bit_generator": "Evil", "state": {"dict": {}}}}}, b""),
}


@pytest.mark.parametrize("case", FORGED)
def test_bytes_that_somebody_made_up(case: str) -> None:
    assert_refused(of_tree(*FORGED[case]), r"is damaged \(what is in it does not fit together\): take an earlier one")


def test_levels_without_end() -> None:
    text = b"[" * 200_000 + b"]" * 200_000
    assert_refused(sealed(HEADER.pack(b"downslop", 1, bytes(32), len(text)) + text), "is damaged")


@pytest.mark.parametrize(("kind", "place"), [("MT19937", 10**6), ("MT19937", -1), ("Philox", 5), ("Philox", -7)])
def test_generators_at_places_that_there_are_not(kind: str, place: int) -> None:
    state: Any = getattr(np.random, kind)(0).state
    (state if kind == "Philox" else state["state"])["buffer_pos" if kind == "Philox" else "pos"] = place
    writer = Writer()
    tree = {"generator": writer.write(state)}
    assert_refused(of_tree(tree, b"".join(array.tobytes() for array in writer.arrays)), "is damaged")


def mutated(random: np.random.Generator, data: bytes, begin: int, end: int) -> bytes:
    """The bytes with some of them, from `begin` to `end`, lost, doubled or changed."""
    at, width = int(random.integers(begin, end)), int(random.integers(1, 12))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: data[:at] + bytes([data[at] ^ (1 << int(random.integers(8)))]) + data[at + 1 :],
        lambda: data[:at] + random.bytes(width) + data[at + width :],
        lambda: data[:at] + data[at + width :],
        lambda: data[:at] + data[at : at + width] + data[at:],
        lambda: data[:at],
        lambda: data[:at] + b'0123456789-e"{}[],:'[at % 19 : at % 19 + 1] + data[at + 1 :],
    )
    return ways[random.integers(len(ways))]()


@pytest.mark.parametrize("batch_size", [None, 7])
def test_any_damage_is_noticed(batch_size: int | None) -> None:
    kept = encode(GradientDescentRegressor(batch_size=batch_size, max_iter=3, tol=0).fit(*rows())._going_on)
    for seed in range(500):
        random = np.random.default_rng([1, seed])
        damaged = mutated(random, kept, 0, len(kept))
        if damaged != kept:
            with pytest.raises(FileError):
                decode(damaged)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_damage_that_the_checksum_covers_up_raises_no_other_error(batch_size: int | None) -> None:
    kept = encode(GradientDescentRegressor(batch_size=batch_size, max_iter=3, tol=0).fit(*rows())._going_on)
    end, refused = HEADER.size + HEADER.unpack_from(kept)[3], 0
    for seed in range(1000):
        random = np.random.default_rng([2, seed])
        try:
            decode(sealed(mutated(random, kept, HEADER.size, end)))
        except FileError:
            refused += 1
    assert refused > 500
