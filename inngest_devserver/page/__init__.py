"""The engine's web page: what it holds, shown to people in a browser, and what they may do with it. No engine logic."""
