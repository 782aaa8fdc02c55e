"""scikit-learn's SGDRegressor, number for number: its steps, its orders, its stop rule."""
