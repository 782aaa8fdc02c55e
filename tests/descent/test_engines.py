"""The table of engines: every row of it, the reasons, and the sentences of what cannot be."""

import pickle
import re
from itertools import product

import pytest

from downslope.descent.engines import ALWAYS_AFFORDABLE, ENGINES, Engine, Traits, choose_engine
from downslope.exceptions import InputError
from downslope.texts import speaking
from tests.texts.english import english_in

BEST = Traits(squared=True, linear=True, constant=True, l1=False, n_parameters=5, n_stored=500)
SPECTRAL = "squared loss with a linear step rule at a constant rate: every epoch has a closed form"
MOMENTS = "squared loss, so an epoch needs only the statistics of one read; "
DATA = "one pass over the rows an epoch; "
STOCHASTIC = "batch_size is smaller than the number of rows: one pass an epoch, an update a batch"


def traits(**changes: bool | int) -> Traits:
    return Traits(**{**vars(BEST), **changes})


@pytest.mark.parametrize(
    ("given", "name", "reason"),
    [
        (traits(), "spectral", SPECTRAL),
        (traits(linear=False), "moments", MOMENTS + "this method's steps are not linear in the gradient"),
        (traits(constant=False), "moments", MOMENTS + "the learning rate is not constant"),
        (traits(l1=True), "moments", MOMENTS + "the L1 penalty has no closed form"),
        (traits(l1=True, linear=False, constant=False), "moments", MOMENTS + "the L1 penalty has no closed form"),
        (traits(squared=False), "data", DATA + "the loss is not squared_error"),
        (traits(batched=True), "stochastic", STOCHASTIC),
        (traits(n_parameters=1001), "data", DATA + "1001² statistics would be larger than the data"),
    ],
    ids=["spectral", "rule", "schedule", "l1", "all three", "loss", "batches", "size"],
)
def test_the_table(given: Traits, name: str, reason: str) -> None:
    engine = choose_engine(given)
    assert engine == name
    assert engine.reason == reason


@pytest.mark.parametrize(
    ("n_parameters", "n_stored", "affordable"),
    [(1, 1, True), (ALWAYS_AFFORDABLE, 1, True), (1001, 1001**2, True), (1001, 1001**2 - 1, False)],
)
def test_statistics_are_affordable_up_to_the_size_of_the_data(
    n_parameters: int, n_stored: int, affordable: bool
) -> None:
    assert traits(n_parameters=n_parameters, n_stored=n_stored).affordable == affordable


@pytest.mark.parametrize("flags", list(product([True, False], repeat=4)))
@pytest.mark.parametrize("n_stored", [500, 2])
def test_every_problem_has_an_engine_and_what_it_may_ask_for(flags: tuple[bool, ...], n_stored: int) -> None:
    squared, linear, constant, l1 = flags
    given = Traits(squared, linear, constant, l1, 5 if n_stored > 2 else 2000, n_stored)
    chosen = choose_engine(given)
    able = [name for name, obstacle in given.obstacles().items() if not obstacle]
    assert chosen == able[0]
    assert able[-2:] == ["data", "stochastic"]
    for name in ENGINES:
        if name in able:
            asked = choose_engine(given, name)
            assert asked == name
            assert asked.reason.startswith("asked for; ")
        else:
            with pytest.raises(InputError, match=f"engine='{name}' cannot run this problem because"):
                choose_engine(given, name)


@pytest.mark.parametrize(
    ("given", "wanted", "sentence"),
    [
        (traits(), "warp", "engine='warp' is not known: choose auto, spectral, moments, data, stochastic"),
        (
            traits(l1=True),
            "spectral",
            "engine='spectral' cannot run this problem because the L1 penalty has no closed form: choose auto, or "
            "moments or data or stochastic",
        ),
        (
            traits(squared=False),
            "moments",
            "engine='moments' cannot run this problem because the loss is not squared_error: choose auto, or data "
            "or stochastic",
        ),
        (
            traits(batched=True),
            "spectral",
            "engine='spectral' cannot run this problem because batch_size asks for updates on a part of the rows: "
            "choose auto, or stochastic",
        ),
        (
            traits(squared=False, smoothed=True),
            "stochastic",
            "engine='stochastic' cannot run this problem because an automatic rate smooths this loss, which passes "
            "over batches do not: choose auto, or data",
        ),
    ],
    ids=["unknown", "spectral", "moments", "batches", "smoothed"],
)
def test_an_engine_that_cannot_be_had(given: Traits, wanted: str, sentence: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        choose_engine(given, wanted)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("spectral", SPECTRAL),
        ("moments", MOMENTS + "no closed form is needed"),
        ("data", DATA + "statistics would do"),
        ("stochastic", "one pass an epoch, all rows in one batch"),
    ],
)
def test_an_engine_that_is_asked_for_says_so(name: str, reason: str) -> None:
    assert choose_engine(traits(), name).reason == f"asked for; {reason}"


@pytest.mark.parametrize("flags", list(product([True, False], repeat=5)))
def test_reasons_are_said_in_korean(flags: tuple[bool, ...]) -> None:
    squared, linear, constant, l1, batched = flags
    given = Traits(squared, linear, constant, l1, 5, 500, batched, smoothed=not squared)
    chosen = choose_engine(given)
    with speaking("ko"):
        assert chosen.reason.endswith("요")
        assert english_in(chosen.reason) == []
        for name in [name for name, obstacle in given.obstacles().items() if obstacle]:
            with pytest.raises(InputError, match="이 문제를 풀 수 없어요") as caught:
                choose_engine(given, name)
            assert english_in(str(caught.value)) == []


def test_an_engine_is_its_name_and_survives_a_pickle() -> None:
    engine = pickle.loads(pickle.dumps(Engine("spectral", "because")))
    assert (engine, str(engine), f"{engine}", engine.reason) == ("spectral", "spectral", "spectral", "because")
