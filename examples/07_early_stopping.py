"""
Early stopping
==============

With as many features as a small table can bear, the error on the rows that are learned goes on falling while the error
on new rows rises: the model has begun to learn the noise. Early stopping keeps some rows aside and ends the run where
the error on them is lowest.
"""

# %%
# Forty points on a gentle curve, and a polynomial of degree 15 through them: far too free.

import matplotlib.pyplot as plt
import numpy as np

from downslope import GradientDescentRegressor, LossCurveDisplay

random = np.random.default_rng(3)
x = random.uniform(-1, 1, 40)
y = np.sin(2 * x) + 0.3 * random.standard_normal(40)
X = x[:, None] ** np.arange(1, 16)

model = GradientDescentRegressor(
    method="nesterov", early_stopping=True, validation_fraction=0.4, n_iter_no_change=300, random_state=0
)
model.fit(X, y)
print(model.stop_message_)
print(f"restored: epoch {model.restored_epoch_} of {model.n_iter_}")

# %%
# The run goes on for ``n_iter_no_change`` epochs beyond the best one, to be sure, and then gives that one back.

LossCurveDisplay.from_estimator(model)
plt.show()
