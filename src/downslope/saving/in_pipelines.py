"""Our estimators inside pipelines that skl2onnx converts."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse

from downslope.data.optional import import_optional
from downslope.estimators import GradientDescentRegressor, SGDRegressor

__all__ = ["register_onnx"]


def register_onnx() -> None:
    """Tell skl2onnx how our estimators are converted, so that a Pipeline with one of them becomes a graph.

    Once in a process is enough. A model by itself needs none of it: `export_model`.

    Raises
    ------
    MissingDependencyError
        Without skl2onnx.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, register_onnx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> register_onnx()
    >>> model = make_pipeline(StandardScaler(), GradientDescentRegressor()).fit([[0.0], [1.0]], [1.0, 3.0])
    >>> from skl2onnx import to_onnx
    >>> from skl2onnx.common.data_types import DoubleTensorType
    >>> graph = to_onnx(model, initial_types=[("X", DoubleTensorType([None, 1]))])
    >>> [node.op_type for node in graph.graph.node][:1]
    ['Sub']
    """
    skl2onnx = import_optional("skl2onnx", "model_file.no_skl2onnx")
    shapes = import_optional("skl2onnx.common.shape_calculator", "model_file.no_skl2onnx")
    for estimator in (GradientDescentRegressor, SGDRegressor):
        skl2onnx.update_registered_converter(
            estimator, f"Downslope{estimator.__name__}", shapes.calculate_linear_regressor_output_shapes, convert
        )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Add what a linear model does to a graph, in the precision of its input."""
    linear = import_optional("skl2onnx.operator_converters.linear_regressor", "model_file.no_skl2onnx")
    model = operator.raw_operator
    coef = model.coef_.toarray() if scipy.sparse.issparse(model.coef_) else np.asarray(model.coef_)
    plain = SimpleNamespace(coef_=coef.reshape(-1), intercept_=np.reshape(model.intercept_, -1))
    operator.raw_operator = plain
    try:
        linear.convert_sklearn_linear_regressor(scope, operator, container)
    finally:
        operator.raw_operator = model
