"""Runs: started, driven, paused, resumed and ended."""
