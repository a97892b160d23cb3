"""The tests. `cases` holds what the wire must show, `targets` what is asked; `test_cases.py` brings them together."""
