"""
The hand loop, and the same with Downslope
==========================================

Gradient descent on a line is five lines of numpy. Before we let a library do it, we write them, and then check that the
library does exactly the same, epoch by epoch.
"""

# %%
# A hundred points near y = 0.3 x + 0.5. We start at w = b = 0, look at the residuals (prediction less target), and take
# a step against the gradient: the mean of residual times input for w, the mean of the residuals for b.

import matplotlib.pyplot as plt
import numpy as np

from downslope import GradientDescentRegressor, LossCurveDisplay, make_linear

data = make_linear(coef=0.3, intercept=0.5, random_state=0)
x, y = data.X[:, 0], data.y

w, b, rate = 0.0, 0.0, 0.1
errors = []
for _ in range(200):
    residual = w * x + b - y
    errors.append(np.mean(residual**2))
    w -= rate * np.mean(residual * x)
    b -= rate * np.mean(residual)

print(f"by hand:        w = {w:.6f}, b = {b:.6f}")

# %%
# Downslope takes the same steps when it is told to descend in the units of the data (``standardize=False``) at our
# rate, and not to stop early (``tol=0``).

model = GradientDescentRegressor(standardize=False, learning_rate=rate, max_iter=200, tol=0).fit(data.X, y)
print(f"with Downslope: w = {model.coef_[0]:.6f}, b = {model.intercept_:.6f}")

largest_difference = np.max(np.abs(model.history_["mse"][:200] - errors))
print(f"the errors of all 200 epochs differ by at most {largest_difference:.0e}")

# %%
# One curve, drawn twice: ours as dots on top of the library's line.

display = LossCurveDisplay.from_estimator(model, name="Downslope")
display.ax_.plot(range(0, 200, 10), errors[::10], "o", color="#D55E00", label="by hand, every tenth epoch")
display.ax_.legend()
plt.show()
