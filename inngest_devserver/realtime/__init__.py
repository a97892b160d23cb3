"""Realtime: messages from runs to whoever subscribes to their topics. Kept nowhere; holds no HTTP."""
