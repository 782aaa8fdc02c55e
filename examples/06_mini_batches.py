"""
The noise of mini-batches, and how SAGA takes it away
=====================================================

A step on 32 rows costs a twelfth of one on 392, and points nearly the same way. Early on that is a bargain. Near the
optimum it is not: every batch has an optimum of its own, and at a constant rate the model goes on jumping between them.
"""

# %%
# Three runs of two hundred passes over the rows. The first keeps its rate, so it ends in a cloud around the optimum.
# The second, Downslope's default, lets its rate fall and averages the places it visited. SAGA remembers what each row
# said last: its noise shrinks with the distance to the optimum, and at a constant rate it converges.

import matplotlib.pyplot as plt
import numpy as np

from downslope import GradientDescentRegressor, LossCurveDisplay, load_example

cars = load_example("auto_mpg")
common = {"batch_size": 32, "max_iter": 200, "tol": 0, "random_state": 0}
models = {
    "constant rate": GradientDescentRegressor(learning_rate=0.1, **common),
    "automatic: averaged": GradientDescentRegressor(**common),
    "SAGA": GradientDescentRegressor(method="saga", **common),
}
for name, model in models.items():
    model.fit(cars.X, cars.y)
    excess = model.history_["objective"][-50:] - model.optimum_.objective
    print(f"{name:>19}: {np.median(excess):.1e} above the minimum in the last 50 passes")

# %%
# At first all three are alike. What differs is where they end.

LossCurveDisplay.from_estimators(models, quantity="excess", xscale="linear")
plt.show()
