"""
Momentum: the same bowl in a fifth of the epochs
================================================

In a long valley plain descent creeps: its rate is bound by the steep walls, and along the flat floor each step is tiny.
Momentum adds up the small steps that point the same way, and lets those that zig-zag cancel.
"""

# %%
# The fuel use of 392 cars, predicted from seven columns, with three rules for a step. Nesterov's looks ahead: it takes
# the gradient where the momentum is about to carry it.

import matplotlib.pyplot as plt

from downslope import GradientDescentRegressor, LossCurveDisplay, load_example

cars = load_example("auto_mpg")
models = {
    "plain": GradientDescentRegressor(),
    "heavy ball": GradientDescentRegressor(method="momentum"),
    "Nesterov": GradientDescentRegressor(method="nesterov"),
}
for name, model in models.items():
    model.fit(cars.X, cars.y)
    print(f"{name:>10}: {model.n_iter_} epochs")

# %%
# The excess objective, J less its exact minimum, shows what the loss itself hides: on this scale plain descent is a
# straight line, a constant factor an epoch, and that factor is what momentum improves.

LossCurveDisplay.from_estimators(models, quantity="excess", xscale="linear")
plt.show()
