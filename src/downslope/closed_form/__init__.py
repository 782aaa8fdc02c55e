"""Every epoch without making it: the path of one rate, the forecast of many, the landscape they descend."""
