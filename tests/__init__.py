"""The tests. `cases` holds what the wire must show, `targets` what can be asked; `test_cases.py` brings them together."""
