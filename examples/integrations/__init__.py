"""One small app for each integration of `inngest.middleware`; each says how to start it."""
