"""The course: both notebooks run from the top, say the same in two languages, and their answers are right."""

import ast
import json
import re
import sys
import warnings
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
PATHS = {language: NOTEBOOKS / f"gradient_descent.{language}.ipynb" for language in ("en", "ko")}
MARKS = {"en": ("✓ Right!", "✗ Not yet."), "ko": ("✓ 맞았어요!", "✗ 아직이에요.")}
N_SECTIONS = 21
MOST_BYTES = 1_500_000

# The twelve items of the classic course, in its order: a section each.
ITEMS = [
    ("Points around a line that we know", "정답을 아는 직선과 점들"),
    ("Two outliers, put in by hand", "이상치 두 개를 직접 넣기"),
    ("A random start", "아무 데서나 시작하기"),
    ("The hypothesis and its error", "예측과 오차"),
    ("The gradient and the learning rate", "그레이디언트와 학습률"),
    ("The whole descent on one feature", "특성 하나로 끝까지 내려가기"),
    ("The loss curve", "손실 곡선"),
    ("Several features", "특성이 여러 개일 때"),
    ("The descent on three features", "특성 세 개로 내려가기"),
    ("The path of every weight", "가중치가 지나온 길"),
    ("Row by row: SGDRegressor, scikit-learn's and ours", "한 행씩 배우기: scikit-learn과 Downslope의 SGDRegressor"),
    ("All of it in one cell: your own experiment", "한 셀에 모두 모아서: 나만의 실험"),
]

# What a cell may not do unless it is tagged "warns". Which fonts there are is not the notebook's affair.
STRICT = """\
import warnings as _warnings
from downslope.exceptions import DownslopeWarning, MissingFontWarning
from sklearn.exceptions import ConvergenceWarning
for _action, _category in [
    ("{action}", DownslopeWarning), ("{action}", ConvergenceWarning), ("{action}", RuntimeWarning),
    ("ignore", MissingFontWarning),
]:
    _warnings.simplefilter(_action, _category)
"""


@pytest.fixture(params=PATHS)
def language(request):
    return request.param


def read(language):
    return nbformat.read(PATHS[language], as_version=4)


def tags(cell):
    return cell.metadata.get("tags", [])


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell, stream="stdout"):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == stream)


def shown(cell):
    """What sorts of output a cell has: the streams by name, then the pictures by their number."""
    streams = {output.name for output in cell.outputs if output.output_type == "stream"}
    return streams, sum("image/png" in output.get("data", {}) for output in cell.outputs)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Executes all cells in a fresh kernel of this very Python, which no file in the user's folders can change."""
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
    spec = tmp_path / "kernels" / "this-python" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": command, "display_name": "", "language": "python"}), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # Pictures appear in a notebook by the backend that the kernel chooses where nobody else has.
    monkeypatch.delenv("MPLBACKEND", raising=False)

    def execute(notebook):
        where = {"metadata": {"path": str(tmp_path)}}
        with warnings.catch_warnings():
            # Remarks of Jupyter on itself.
            for module in ("jupyter_client", "jupyter_core", "nbclient", "tornado", "traitlets", "zmq"):
                warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
            NotebookClient(notebook, kernel_name="this-python", timeout=120, resources=where).execute()

    return execute


def test_runs_and_its_answers_are_right(language, run):
    stored, notebook = read(language), read(language)
    for cell in code_cells(notebook):
        cell.source = STRICT.format(action="always" if "warns" in tags(cell) else "error") + cell.source
    run(notebook)

    right, wrong = MARKS[language]
    for cell, before in zip(code_cells(notebook), code_cells(stored), strict=True):
        assert shown(cell) == shown(before), f"the stored output is another: {before.source}"
        assert ("Warning: " in printed(cell, "stderr")) == ("warns" in tags(cell)), before.source
        assert wrong not in printed(cell), before.source
        assert (right in printed(cell)) == ("answer" in tags(cell)), before.source


def test_stored_output(language):
    text = PATHS[language].read_text(encoding="utf-8")
    notebook = read(language)
    nbformat.validate(notebook)

    assert len(text.encode()) < MOST_BYTES
    right, _ = MARKS[language]
    assert sum(right in printed(cell) for cell in code_cells(notebook)) == N_SECTIONS
    assert sum(shown(cell)[1] for cell in code_cells(notebook)) > N_SECTIONS
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    assert all(cell.metadata.keys() <= {"tags"} for cell in notebook.cells)
    # Nothing of the machine that it ran on.
    words = "".join(printed(cell, stream) for cell in code_cells(notebook) for stream in ("stdout", "stderr"))
    assert not re.search(r"ipykernel|/home/|/tmp/|/usr/|/Users/|[A-Z]:\\", words)


def test_sections(language):
    notebook = read(language)
    headings = [
        cell.source.splitlines()[0]
        for cell in notebook.cells
        if cell.cell_type == "markdown" and re.match(r"## \d+\. ", cell.source)
    ]
    assert [int(heading.split()[1].rstrip(".")) for heading in headings] == list(range(1, N_SECTIONS + 1))
    column = list(PATHS).index(language)
    items = [f"## {number}. {names[column]}" for number, names in enumerate(ITEMS, start=1)]
    assert headings[: len(ITEMS)] == items


def test_every_section_asks_a_question(language):
    cells = read(language).cells
    begins = [i for i, cell in enumerate(cells) if re.match(r"## \d+\. ", cell.source)]
    word = {"en": "**Question.** ", "ko": "**문제.** "}[language]
    for begin, end in zip(begins, [*begins[1:], len(cells)], strict=True):
        (place,) = [i for i in range(begin, end) if "answer" in tags(cells[i])]
        assert cells[place - 1].source.startswith(word)
        assert cells[place].source.startswith("answer = ")
        # By hand, then with Downslope; the reader's own experiment is one cell.
        least = 1 if cells[begin].source.startswith("## 12. ") else 2
        assert sum(cell.cell_type == "code" for cell in cells[begin:place]) >= least


def test_both_languages_have_the_same_code():
    english, korean = (read(language) for language in PATHS)
    assert [(cell.cell_type, tags(cell)) for cell in english.cells] == [
        (cell.cell_type, tags(cell)) for cell in korean.cells
    ]
    for one, other in zip(code_cells(english), code_cells(korean), strict=True):
        assert without_words(one.source) == without_words(other.source)


def test_korean_where_there_are_words():
    hangul = re.compile("[가-힣]")
    for cell in read("ko").cells:
        assert cell.cell_type == "code" or hangul.search(cell.source), cell.source
    assert not any(hangul.search(cell.source) for cell in read("en").cells if LANGUAGE_CELL not in cell.source)


LANGUAGE_CELL = 'LANG = "ko"'


class WithoutWords(ast.NodeTransformer):
    """Empties strings, and puts what an f-string fills in into an order that does not depend on the language."""

    def visit_Constant(self, node):
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node):
        filled = [self.visit(part) for part in node.values if isinstance(part, ast.FormattedValue)]
        return ast.Tuple(sorted(filled, key=ast.dump), ast.Load())


def without_words(source):
    return ast.dump(WithoutWords().visit(ast.parse(TransformerManager().transform_cell(source))))
