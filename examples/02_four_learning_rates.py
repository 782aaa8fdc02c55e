"""
Four learning rates
===================

Too small and you wait, too large and the run explodes. Where one turns into the other is no matter of luck: plain
descent is stable for every rate below 2/λ_max, where λ_max is the largest curvature of the loss, and for none above it.
"""

# %%
# The limit can be read off the data before any step is made. Here we descend in the units of the data, as a loop by
# hand would.

import matplotlib.pyplot as plt

from downslope import GradientDescentRegressor, LearningRateDisplay, make_linear

data = make_linear(coef=[0.3, 0.5, 0.7], intercept=0.2, random_state=0)

model = GradientDescentRegressor(standardize=False).fit(data.X, data.y)
bowl = model.landscape_
print(f"largest curvature: {bowl.eigenvalues[0]:.4f}")
print(f"largest stable rate: {bowl.largest_stable_rate:.4f}")

# %%
# On the left the loss at four rates: one far too small, a good one, the one that gets lowest in a hundred epochs, and
# one five per cent beyond the limit. On the right what is left after a hundred epochs at every rate. The valley is wide
# and its right wall is a cliff, so when in doubt, take less.

LearningRateDisplay.from_data(data.X, data.y, standardize=False, max_iter=100)
plt.show()
