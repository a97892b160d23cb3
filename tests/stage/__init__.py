"""The stage of the tests: engines, apps and servers that every level shares. `tests/README.md` shows what is where."""
