"""A model as a graph of ONNX in float64: one matrix of numbers, or an input for each column of the fit's table."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from downslope.data.optional import import_optional
from downslope.saving.terms import Category, Number, Term

__all__ = ["as_onnx"]

# Texts can be compared from 19 on; any runtime of the last years knows it.
OPSET = 19
# The version of the format that belongs to it.
FORMAT = 9


def as_onnx(intercept: float, terms: Sequence[Term], *, by_column: bool) -> bytes:
    """The graph: X (N, d) or, `by_column`, inputs (N, 1) by name, numbers or texts; its output "prediction" is (N, 1).

    Raises
    ------
    MissingDependencyError
        Without onnx.
    """
    onnx = import_optional("onnx", "model_file.no_onnx")
    helper, types = onnx.helper, onnx.TensorProto
    graph = Graph(helper, onnx.numpy_helper)
    inputs = graph.add_columns(terms, types) if by_column else graph.add_matrix(terms, types)
    total = graph.node("Add", inputs[1], graph.constant(intercept), output="prediction")
    made = helper.make_graph(
        graph.nodes,
        "downslope",
        inputs[0],
        [helper.make_tensor_value_info(total, types.DOUBLE, ["N", 1])],
        graph.constants,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="downslope", ir_version=FORMAT
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class Graph:
    """Nodes and constants, named as they come."""

    def __init__(self, helper: Any, numpy_helper: Any) -> None:
        self.helper, self.numpy_helper = helper, numpy_helper
        self.nodes, self.constants = list[Any](), list[Any]()

    def constant(self, value: Any) -> str:
        """A number, an array or a text that does not change."""
        array = np.array(value, dtype=object if isinstance(value, str) else np.float64)
        self.constants.append(self.numpy_helper.from_array(array, f"c{len(self.constants)}"))
        return str(self.constants[-1].name)

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """An operation; the name of what it gives."""
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def add_matrix(self, terms: Sequence[Term], types: Any) -> tuple[list[Any], str]:
        """The product of X and the coefficients."""
        coef = [term.coefficient for term in terms if isinstance(term, Number)]
        given = self.helper.make_tensor_value_info("X", types.DOUBLE, ["N", len(coef)])
        return [given], self.node("MatMul", "X", self.constant(np.reshape(coef, (-1, 1))))

    def add_columns(self, terms: Sequence[Term], types: Any) -> tuple[list[Any], str]:
        """The sum of what the columns add."""
        inputs, total = [], ""
        for term in terms:
            kind = types.STRING if isinstance(term, Category) else types.DOUBLE
            inputs.append(self.helper.make_tensor_value_info(term.column, kind, ["N", 1]))
            own = self.add_category(term) if isinstance(term, Category) else self.add_number(term)
            total = self.node("Add", total, own) if total else own
        return inputs, total

    def add_number(self, term: Number) -> str:
        """coefficient · column; a missing value is NaN."""
        column = term.column
        if term.fill is not None:
            column = self.node("Where", self.node("IsNaN", column), self.constant(term.fill), column)
        return self.node("Mul", column, self.constant(term.coefficient))

    def add_category(self, term: Category) -> str:
        """What each level adds; NaN for another one, and an empty text is a missing value."""
        fill = float("nan") if term.fill is None else term.fill
        value = self.constant(float("nan"))
        for level, added in (("", fill), *zip(term.levels, term.values, strict=True)):
            told = self.node("Equal", term.column, self.constant(level))
            value = self.node("Where", told, self.constant(added), value)
        return value
