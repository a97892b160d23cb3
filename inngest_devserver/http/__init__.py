"""The engine's HTTP API: routes and answers. Holds no engine logic."""
