"""The framework-agnostic core: it answers an engine's requests and knows no web framework.

Nothing is re-exported here; the package `inngest` is the public face.
"""
