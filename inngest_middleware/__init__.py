"""Ready-made middleware, one file for each integration and loaded when it is used; most need an extra."""
