"""Realtime: publishing messages to topics, and subscribing to them. Values and flows; performs nothing itself."""
