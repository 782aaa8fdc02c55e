"""
Standardising rounds the bowl
=============================

Two parameters make a bowl that can be drawn: J over the slope and the intercept. How round it is decides how the
descent goes. A long bowl has steep walls, which bound the rate, and a flat floor, along which that rate creeps.
"""

# %%
# A column between 0 and 1 already makes a long one, because its mean is not zero: raising the slope and lowering the
# intercept nearly cancel. Standardised (mean 0, spread 1) the two have nothing to do with each other. The condition
# number is the steepest curvature over the flattest, 1 for a round bowl.

import matplotlib.pyplot as plt

from downslope import GradientDescentRegressor, LossSurfaceDisplay, make_linear

data = make_linear(coef=3.0, intercept=-1.0, noise=0.1, random_state=0)
raw = GradientDescentRegressor(standardize=False, learning_rate=1.3).fit(data.X, data.y)
rounded = GradientDescentRegressor().fit(data.X, data.y)

for name, model in (("raw", raw), ("standardised", rounded)):
    print(f"{name:>12}: condition {model.landscape_.condition:5.2f}, epochs {model.n_iter_}")

# %%
# At a rate just below its limit the raw descent bounces between the walls while it creeps along the floor. In the round
# bowl every step points at the bottom, and a single one gets there.

figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
LossSurfaceDisplay.from_estimator(raw, ax=axes[0])
LossSurfaceDisplay.from_estimator(rounded, coordinates="descended", ax=axes[1], legend=False)
for ax, title in zip(axes, ("raw", "standardised"), strict=True):
    ax.set_title(title)
    ax.set_aspect("equal")
plt.show()
