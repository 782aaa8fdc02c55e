"""
SGDRegressor, with a voice
==========================

scikit-learn's ``SGDRegressor`` on y = 3 x + 7, with x from 0 to 100 and default settings, returns coefficients of many
digits, an R² far below zero, and not a word. Downslope's has the same parameters and the same numbers, and tells.
"""

# %%
# We catch the warning, to print it.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from downslope import LossCurveDisplay, SGDRegressor

X = np.linspace(0, 100, 200).reshape(-1, 1)
y = 3 * X[:, 0] + 7

with warnings.catch_warnings(record=True, action="always") as caught:
    blind = SGDRegressor(random_state=0).fit(X, y)
print(f"R² = {blind.score(X, y):.0e}")
print(caught[0].message)

# %%
# The warning names the largest stable rate, and one to try. We do as it says, and also what it says first: scale the
# column.

slower = SGDRegressor(eta0=0.00015, random_state=0).fit(X, y)
scaled = SGDRegressor(random_state=0).fit((X - X.mean()) / X.std(), y)
print(f"R² at the rate that it names: {slower.score(X, y):.4f}")
print(f"R² on the scaled column: {scaled.score((X - X.mean()) / X.std(), y):.4f}")

# %%
# The history shows when it was lost: in the first pass.

LossCurveDisplay.from_estimators({"as it comes": blind, "eta0=0.00015": slower, "scaled": scaled}, quantity="objective")
plt.show()
