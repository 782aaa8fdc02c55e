"""
Outliers: squared loss against Huber
====================================

The squared loss weighs a residual by its size, so one point that is far off pulls as hard as hundreds that are near.
The Huber loss is the same near the line and turns straight at δ: beyond, every point pulls alike.
"""

# %%
# Fifty points on y = 0.3 x + 0.5 with noise of ±0.01, and four of them moved off by hand.

import matplotlib.pyplot as plt

from downslope import FitDisplay, GradientDescentRegressor, make_linear

data = make_linear(coef=0.3, intercept=0.5, n_samples=50, outliers=4, random_state=1)

squared = GradientDescentRegressor().fit(data.X, data.y)
huber = GradientDescentRegressor(loss="huber", delta=0.02).fit(data.X, data.y)

for name, model in (("squared", squared), ("Huber", huber)):
    print(f"{name:>7}: y = {model.coef_[0]:.3f} x + {model.intercept_:.3f}")

# %%
# δ is in units of y. A good choice is somewhat above the noise that one expects; here 0.02, twice the noise. Do not
# judge the two by R²: it squares the residuals too, so it must prefer the line that bends to the outliers.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True, layout="constrained")
for ax, model, title in zip(axes, (squared, huber), ("squared loss", "Huber loss"), strict=True):
    FitDisplay.from_estimator(
        model,
        data.X,
        data.y,
        true_coef=data.coef,
        true_intercept=data.intercept,
        outliers=data.outliers,
        ax=ax,
    )
    ax.set_title(title, loc="right")
plt.show()
