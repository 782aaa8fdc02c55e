"""
Diagnose first, then sweep
==========================

Whether a descent will be quick, slow or explode is written in the data before the first step. ``diagnose`` reads it
out; ``sweep`` then tries many rates and methods, which for the squared loss costs little more than one fit.
"""

# %%
# One read of the cars. The page says how steep and how flat the loss is, in the units of the table and standardised,
# which rates are stable, and how many epochs it will take; then what to do about it, the most helpful first.

import matplotlib.pyplot as plt
import pandas as pd

from downslope import LearningRateDisplay, diagnose, load_example, sweep

table = pd.read_csv(load_example("auto_mpg").path).dropna()
X, y = table.drop(columns=["mpg", "name"]), table["mpg"]
print(diagnose(X, y))

# %%
# Three methods, each at rates that the sweep chooses from the spectrum.

result = sweep(X, y, methods=("gd", "momentum", "nesterov"), max_iter=200)
best = result.best
print(f"best: {best.method} at a learning rate of {best.learning_rate:.3g}, {best.epochs} epochs")

# %%
# What is left after two hundred epochs at each rate. Momentum moves the cliff as well as the valley.

LearningRateDisplay.from_sweep(result)
plt.show()
