"""A fit goes on from its checkpoints: to the same bits, with the same rows and parameters alone."""

import resource
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import downslope.checkpoints.journal as journal
from downslope import GradientDescentRegressor, load_model, save_model, scan, schedules
from downslope.checkpoints.codec import decode, encode
from downslope.checkpoints.folder import Folder
from downslope.data.tables import stream
from downslope.data.tables.batches import TableBatches
from downslope.exceptions import DownslopeWarning, FileError, InputError, NotConvergedWarning
from downslope.texts import speaking

pytestmark = pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
Array = np.ndarray

FITS: dict[str, dict[str, Any]] = {
    "closed form": {},
    "accelerated on a kink": {"loss": "quantile", "quantile": 0.8},
    "momentum": {"loss": "huber", "method": "momentum", "max_iter": 40},
    "adam": {"loss": "huber", "method": "adam", "max_iter": 40},
    "averaged": {"loss": "absolute_error", "method": "averaged", "learning_rate": 0.1, "max_iter": 40},
    "a schedule": {"learning_rate": schedules.StepDecay(0.1, every=5), "max_iter": 20, "engine": "data"},
    "proximal": {"loss": "huber", "penalty": "elasticnet", "alpha": 0.1},
    "early stopping": {"loss": "huber", "early_stopping": True},
    "mini-batches": {"batch_size": 16, "max_iter": 12},
    "mini-batches on a kink": {"batch_size": 16, "loss": "absolute_error", "max_iter": 12, "init": "uniform"},
    "remembered slopes": {"batch_size": 4, "method": "saga", "max_iter": 12},
    "a raw start": {"standardize": False, "init": ([1.0, 2.0, 3.0], 4.0), "loss": "huber", "max_iter": 30},
}


def make_rows(n: int = 400) -> tuple[Array, Array]:
    random = np.random.default_rng(3)
    X = random.normal(size=(n, 3)) @ random.normal(size=(3, 3)) + 1
    return X, X @ [1.0, -2.0, 0.5] + 3 + random.standard_t(2.0, size=n)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints wherever there could be one."""
    for name in ("EVERY", "AFTER_A_STEP", "SHARE"):
        monkeypatch.setattr(journal, name, 0.0)


class Dies(BaseException):
    """What no code catches."""


def die_at(epoch: int) -> Any:
    def callback(record: Any) -> None:
        if record.epoch == epoch:
            raise Dies

    return callback


def assert_same(first: GradientDescentRegressor, second: GradientDescentRegressor) -> None:
    assert first.coef_.tobytes() == second.coef_.tobytes()
    for name in ("intercept_", "n_iter_", "gap_", "learning_rate_", "stop_message_", "restored_epoch_"):
        assert getattr(first, name) == getattr(second, name), name
    assert first.history_.coef.tobytes() == second.history_.coef.tobytes()
    for name in first.history_:
        if name != "seconds":
            np.testing.assert_array_equal(first.history_[name], second.history_[name])


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("name", FITS)
def test_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    X, y = make_rows()
    untouched = GradientDescentRegressor(random_state=1, **FITS[name]).fit(X, y)
    with pytest.raises(Dies):
        GradientDescentRegressor(random_state=1, checkpoint=tmp_path, callbacks=die_at(5), **FITS[name]).fit(X, y)
    heard: list[int] = []
    again = GradientDescentRegressor(
        random_state=1, checkpoint=tmp_path, callbacks=lambda record: heard.append(record.epoch), **FITS[name]
    ).fit(X, y)
    assert_same(again, untouched)
    if name != "closed form":
        # What is closed is not made epoch by epoch, so there is nothing to go on with.
        assert heard[0] == 5


@pytest.mark.usefixtures("often")
def test_a_finished_fit_is_told_at_once(tmp_path: Path) -> None:
    X, y = make_rows()
    model = GradientDescentRegressor(loss="huber", checkpoint=tmp_path)
    first = model.fit(X, y)
    coef, heard = first.coef_.copy(), list[int]()
    again = model.set_params(callbacks=lambda record: heard.append(record.epoch)).fit(X, y)
    assert again.coef_.tobytes() == coef.tobytes()
    assert not heard


@pytest.mark.usefixtures("often")
def test_chance_is_remembered(tmp_path: Path) -> None:
    X, y = make_rows()
    options: dict[str, Any] = {"batch_size": 8, "init": "uniform", "max_iter": 6, "early_stopping": True}
    with pytest.raises(Dies):
        GradientDescentRegressor(checkpoint=tmp_path, callbacks=die_at(3), **options).fit(X, y)
    first = GradientDescentRegressor(checkpoint=tmp_path, **options).fit(X, y)
    assert_same(GradientDescentRegressor(checkpoint=tmp_path, **options).fit(X, y), first)
    other = GradientDescentRegressor(checkpoint=tmp_path / "other", **options).fit(X, y)
    assert other.coef_.tobytes() != first.coef_.tobytes()


@pytest.mark.usefixtures("often")
def test_an_interrupt_is_gone_on_with(tmp_path: Path) -> None:
    X, y = make_rows()

    def interrupt(record: Any) -> None:
        if record.epoch == 4:
            raise KeyboardInterrupt

    for name in ("momentum", "mini-batches"):
        untouched = GradientDescentRegressor(random_state=1, **FITS[name]).fit(X, y)
        place = tmp_path / name
        with pytest.raises(KeyboardInterrupt):
            GradientDescentRegressor(random_state=1, checkpoint=place, callbacks=interrupt, **FITS[name]).fit(X, y)
        assert_same(GradientDescentRegressor(random_state=1, checkpoint=place, **FITS[name]).fit(X, y), untouched)


@pytest.mark.usefixtures("often")
def test_a_warm_start_is_a_part_of_the_fit(tmp_path: Path) -> None:
    X, y = make_rows()
    options: dict[str, Any] = {"loss": "huber", "method": "momentum", "max_iter": 10, "warm_start": True}
    expected = GradientDescentRegressor(**options).fit(X, y).fit(X, y)
    model = GradientDescentRegressor(**options).fit(X, y)
    with pytest.raises(Dies):
        GradientDescentRegressor(**options).fit(X, y).set_params(checkpoint=tmp_path, callbacks=die_at(14)).fit(X, y)
    assert_same(model.set_params(checkpoint=tmp_path).fit(X, y), expected)
    with pytest.raises(InputError, match="not the same: the model that warm_start goes on from"):
        GradientDescentRegressor(**options, checkpoint=tmp_path).fit(X, y)


CHANGES: dict[str, tuple[dict[str, Any], Any, str]] = {
    "parameters": ({"max_iter": 9, "tol": 0.5}, None, "max_iter was 5 and is 9, tol was 1e-06 and is 0.5"),
    "a seed": ({"random_state": 2}, None, "random_state was 1 and is 2"),
    "a start": ({"init": ([0.0, 0.0, 1.0], 0.0)}, None, "init"),
    "values": ({}, lambda X, y: (X, y + 1e-300 * (y == y[7]) + (y == y[7])), "not the same: the values of the rows"),
    "fewer rows": ({}, lambda X, y: (X[1:], y[1:]), "the number of rows was 400 and is 399"),
    "fewer columns": ({}, lambda X, y: (X[:, 1:], y), "the names of the columns"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_fit_is_refused_with_each_difference(change: str, tmp_path: Path) -> None:
    X, y = make_rows()
    options: dict[str, Any] = {"loss": "huber", "max_iter": 5, "random_state": 1, "checkpoint": tmp_path}
    GradientDescentRegressor(**options).fit(X, y)
    parameters, rows, told = CHANGES[change]
    with pytest.raises(InputError) as refused:
        GradientDescentRegressor(**{**options, **parameters}).fit(*((X, y) if rows is None else rows(X, y)))
    assert told in str(refused.value)
    assert f"the checkpoints in {tmp_path} are of another fit" in str(refused.value)
    # What says nothing about the numbers may change.
    GradientDescentRegressor(**options, verbose=0, progress=True).fit(X, y)


def test_other_validation_rows_and_weights_are_refused(tmp_path: Path) -> None:
    X, y = make_rows()
    model = GradientDescentRegressor(loss="huber", max_iter=5, checkpoint=tmp_path)
    model.fit(X, y, X_val=X, y_val=y)
    with pytest.raises(InputError, match="of the validation rows the values of the rows"):
        model.fit(X, y, X_val=X, y_val=y + 1)
    with pytest.raises(InputError, match="not the same: the values of the rows"):
        model.fit(X, y, np.arange(400.0) + 1, X_val=X, y_val=y)


def test_sparse_rows_are_told_apart(tmp_path: Path) -> None:
    import scipy.sparse

    X, y = make_rows()
    sparse = scipy.sparse.csr_array(np.where(X > 1, X, 0.0))
    model = GradientDescentRegressor(loss="huber", max_iter=5, checkpoint=tmp_path)
    first = model.fit(sparse, y).coef_.copy()
    assert model.fit(sparse, y).coef_.tobytes() == first.tobytes()
    other = sparse.copy()
    other.data[3] += 1
    with pytest.raises(InputError, match="the values of the rows"):
        model.fit(other, y)


@pytest.mark.usefixtures("often")
def test_a_damaged_file_falls_back_to_the_one_before(tmp_path: Path) -> None:
    X, y = make_rows()
    untouched = GradientDescentRegressor(**FITS["momentum"]).fit(X, y)
    with pytest.raises(Dies):
        GradientDescentRegressor(checkpoint=tmp_path, callbacks=die_at(9), **FITS["momentum"]).fit(X, y)
    last, before = sorted(tmp_path.glob("checkpoint-*"), reverse=True)
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    with pytest.warns(DownslopeWarning, match=f"the last checkpoint is damaged: .* the one before, {before}"):
        again = GradientDescentRegressor(checkpoint=tmp_path, **FITS["momentum"]).fit(X, y)
    assert_same(again, untouched)
    for file in tmp_path.glob("checkpoint-*"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(FileError, match=r"no checkpoint in .* can be used"):
        GradientDescentRegressor(checkpoint=tmp_path, **FITS["momentum"]).fit(X, y)


@pytest.mark.parametrize("content", [None, [], {"identity": 1}, {"identity": {}, "drawn": "x", "environment": {}}])
def test_a_whole_file_of_another_content(content: Any, tmp_path: Path) -> None:
    (tmp_path / "checkpoint-00000001.downslope").write_bytes(
        encode({**content} if isinstance(content, dict) else [content])
    )
    with pytest.raises(FileError, match=r"no checkpoint in .* can be used"):
        GradientDescentRegressor(checkpoint=tmp_path).fit(*make_rows())


@pytest.mark.usefixtures("often")
def test_elsewhere_is_said(tmp_path: Path) -> None:
    X, y = make_rows()
    with pytest.raises(Dies):
        GradientDescentRegressor(checkpoint=tmp_path, callbacks=die_at(9), **FITS["momentum"]).fit(X, y)
    for file in tmp_path.glob("checkpoint-*"):
        content = decode(file.read_bytes())
        content["environment"] |= {"numpy": "1.0", "processor": ["z80"]}
        file.write_bytes(encode(content))
    with pytest.warns(
        DownslopeWarning, match=r"began elsewhere \(numpy was '1.0' and is .*, not the same: processor\)"
    ):
        again = GradientDescentRegressor(checkpoint=tmp_path, **FITS["momentum"]).fit(X, y)
    assert_same(again, GradientDescentRegressor(**FITS["momentum"]).fit(X, y))


def test_only_the_last_two_are_kept_and_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".downslope-half").write_bytes(b"half")
    with Folder(tmp_path) as folder:
        for number in range(5):
            folder.write({"number": number})
        assert [file.name for file in folder.files()] == [
            "checkpoint-00000005.downslope",
            "checkpoint-00000004.downslope",
        ]
        assert folder.last() == {"number": 4}
        with pytest.raises(FileError, match="are in use by another run"):
            Folder(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir())[-1] == "in-use"
    assert not list(tmp_path.glob(".downslope-*"))


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"checkpoint='.*file' cannot be used for checkpoints"):
        GradientDescentRegressor(checkpoint=tmp_path / "file").fit(*make_rows())
    with pytest.raises(FileError, match="cannot be used for checkpoints"):
        GradientDescentRegressor(checkpoint="/proc/none").fit(*make_rows())


@pytest.mark.usefixtures("often")
def test_a_full_disk_ends_no_fit(tmp_path: Path) -> None:
    X, y = make_rows()
    untouched = GradientDescentRegressor(**FITS["momentum"]).fit(X, y)
    with pytest.raises(Dies):
        GradientDescentRegressor(checkpoint=tmp_path, callbacks=die_at(9), **FITS["momentum"]).fit(X, y)
    kept = sorted(tmp_path.glob("checkpoint-*"))
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most[1]))
    try:
        with pytest.warns(DownslopeWarning, match="a checkpoint could not be written .*: the fit goes on") as caught:
            model = GradientDescentRegressor(checkpoint=tmp_path, **FITS["momentum"]).fit(X, y)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
        signal.signal(signal.SIGXFSZ, told)
    assert_same(model, untouched)
    # Said once, and nothing partial stands in place of a whole.
    assert len([warning for warning in caught if not issubclass(warning.category, NotConvergedWarning)]) == 1
    assert sorted(tmp_path.glob("checkpoint-*")) == kept
    assert not list(tmp_path.glob(".downslope-*"))
    assert_same(GradientDescentRegressor(checkpoint=tmp_path, **FITS["momentum"]).fit(X, y), untouched)


def test_a_function_as_schedule_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a function, of which only its author has the code"):
        GradientDescentRegressor(checkpoint=tmp_path, learning_rate=lambda epoch: 0.1 / (1 + epoch)).fit(*make_rows())


def test_a_model_file_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    model = GradientDescentRegressor(checkpoint=tmp_path / "c").fit(*make_rows())
    save_model(model, tmp_path / "m.json")
    assert str(tmp_path / "c") not in (tmp_path / "m.json").read_text()
    assert load_model(tmp_path / "m.json").checkpoint is None


# -------------------------------------------------------------------------------------------------------------- reads


def write_parts(folder: Path, n_parts: int = 6) -> Path:
    X, y = make_rows(3000)
    folder.mkdir()
    for number, part in enumerate(np.array_split(np.column_stack([X, y]), n_parts)):
        lines = [",".join(map(repr, row)) for row in part.tolist()]
        (folder / f"{number}.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    return folder


@pytest.mark.usefixtures("often")
def test_a_read_goes_on_at_the_file_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK_BYTES", 2**12)
    rows, read, begun = write_parts(tmp_path / "rows"), TableBatches.read, list[int]()
    untouched = GradientDescentRegressor().fit(scan(rows, target="y"))

    def watched(self: TableBatches, start: int = 0, *, dies: bool = True) -> Any:
        begun.append(start)
        for batch in read(self, start):
            if dies and batch.file == 4:
                raise Dies
            yield batch

    monkeypatch.setattr(TableBatches, "read", watched)
    with pytest.raises(Dies):
        GradientDescentRegressor(checkpoint=tmp_path / "c").fit(scan(rows, target="y"))
    monkeypatch.setattr(TableBatches, "read", lambda self, start=0: watched(self, start, dies=False))
    source = scan(rows, target="y")
    assert_same(GradientDescentRegressor(checkpoint=tmp_path / "c").fit(source), untouched)
    # The first rows of all are looked at, for they tell these rows from others.
    assert begun == [0, 0, 3]
    assert (source.n_rows, source.passes) == (3000, 1)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_gaps_are_counted_once(missing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK_BYTES", 2**12)
    rows, read = write_parts(tmp_path / "rows"), TableBatches.read
    for file in rows.iterdir():
        lines = file.read_text().splitlines()
        lines[5] = "," + lines[5].split(",", 1)[1]
        lines[9] = lines[9].rsplit(",", 1)[0] + ","
        file.write_text("\n".join(lines))
    expected = scan(rows, target="y", missing=missing)
    untouched = GradientDescentRegressor().fit(expected)

    def dying(self: TableBatches, start: int = 0) -> Any:
        for batch in read(self, start):
            if batch.file == 3 and source.passes == (1 if missing == "drop" else 2):
                raise Dies
            yield batch

    monkeypatch.setattr(TableBatches, "read", dying)
    source = scan(rows, target="y", missing=missing)
    with pytest.raises(Dies):
        GradientDescentRegressor(checkpoint=tmp_path / "c").fit(source)
    monkeypatch.setattr(TableBatches, "read", read)
    source = scan(rows, target="y", missing=missing)
    assert_same(GradientDescentRegressor(checkpoint=tmp_path / "c").fit(source), untouched)
    assert (source.n_rows, source.n_dropped) == (expected.n_rows, expected.n_dropped)


def test_other_files_are_refused(tmp_path: Path) -> None:
    rows = write_parts(tmp_path / "rows")
    model = GradientDescentRegressor(checkpoint=tmp_path / "c").fit(scan(rows, target="y"))
    assert model.fit(scan(rows, target="y")).n_iter_
    (rows / "5.csv").write_text((rows / "5.csv").read_text() + "1,2,3,4\n")
    with pytest.raises(InputError, match=r"not the same: the list of files, their sizes or times"):
        model.fit(scan(rows, target="y"))
    with pytest.raises(InputError, match="the names of the columns"):
        model.fit(scan(rows, target="y", exclude=["a"]))


def test_korean(tmp_path: Path) -> None:
    X, y = make_rows()
    GradientDescentRegressor(checkpoint=tmp_path, max_iter=5).fit(X, y)
    with speaking("ko"), pytest.raises(InputError) as refused:
        GradientDescentRegressor(checkpoint=tmp_path, max_iter=6).fit(X, y + 1)
    with speaking("ko"):
        said = str(refused.value)
    told = "의 체크포인트는 다른 학습의 것이에요(행의 값이 달라요, max_iter: 전에는 5, 지금은 6). "
    told += "같은 학습을 다시 하거나 checkpoint에 다른 폴더를 주세요"
    assert said.endswith(told)
