"""Persistent workers: an app that opens a WebSocket to an engine instead of being called over HTTP."""
