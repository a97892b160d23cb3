"""Bad requests get their coded JSON answers on every target: no HTML page, no traceback."""
