"""The endpoint: dispatch, calls, registration and introspection, answered as signed JSON."""
