"""
One read, every epoch
=====================

For the squared loss all that full-batch descent ever asks of the rows are sums: of the columns, and of their products.
They are gathered in one read. From then on every epoch has a closed form along each direction of the bowl, so that
epoch 1,000,000 costs no more than epoch 1.
"""

# %%
# A table of 100,000 rows whose two columns say almost the same thing, which makes for a very long valley. We ask for a
# million epochs.

import time

import matplotlib.pyplot as plt
import numpy as np

from downslope import GradientDescentRegressor, LossCurveDisplay

random = np.random.default_rng(0)
first = random.standard_normal(100_000)
X = np.column_stack([first, first + 0.006 * random.standard_normal(100_000)])
y = X @ [1.0, 2.0] + 0.1 * random.standard_normal(100_000)

start = time.perf_counter()
model = GradientDescentRegressor(max_iter=1_000_000, tol=0).fit(X, y)
seconds = time.perf_counter() - start

print(model.engine_, "-", model.engine_.reason)
print(f"{model.n_iter_:,} epochs in {seconds:.2f} s, {len(model.history_):,} of them kept")
print(f"found {model.coef_.round(3)}, exact optimum {model.optimum_.coef.round(3)}")

# %%
# The history keeps epochs on a grid that grows with them, so that the picture has its details at both ends.

LossCurveDisplay.from_estimator(model, quantity="excess", xscale="log")
plt.show()
