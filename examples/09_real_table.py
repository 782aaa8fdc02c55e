"""
A real table, from start to finish
==================================

How far does a car go on a gallon? A table of 398 cars from 1970 to 1982 has seven columns to predict it from. It has
gaps, and columns in pounds beside columns in single digits, as tables have.
"""

# %%
# Six cars lack their horsepower; we leave them out. Then we set every fourth car aside, before anything else, so that
# the last number of this page is an honest one.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from downslope import CoefficientPathDisplay, GradientDescentRegressor, load_example

table = pd.read_csv(load_example("auto_mpg").path).dropna()
X, y = table.drop(columns=["mpg", "name"]), table["mpg"]
test = np.arange(len(table)) % 4 == 0

model = GradientDescentRegressor().fit(X[~test], y[~test])
print(model.stop_message_)

# %%
# The coefficients are in the units of the columns: miles per gallon for a pound, for a year, for a cylinder. The exact
# least-squares solution comes along, with standard errors that say which coefficients mean anything.

errors = model.landscape_.standard_errors.coef
for name, found, exact, error in zip(X.columns, model.coef_, model.optimum_.coef, errors, strict=True):
    print(f"{name:>12} {found:8.4f}   exact {exact:8.4f} ± {error:.4f}")

# %%
# On cars that it has not seen the model explains nearly as much as on those it has.

print(f"R² on the cars it learned: {model.score(X[~test], y[~test]):.3f}")
print(f"R² on the others:          {model.score(X[test], y[test]):.3f}")

# %%
# Every weight at every epoch, the exact optimum dotted, one standard error shaded. Those that take hundreds of epochs
# belong to columns that say much the same, such as cylinders and displacement: bigger engines have more of both.

CoefficientPathDisplay.from_estimator(model, subplots=True, target_name="mpg")
plt.show()
