"""Programs that are checked, not run: what the two type checkers must infer for users' code.

`make check` reads them with mypy and basedpyright, both strict. `assert_type` says what is inferred; an `ignore`
comment says what must be refused (both checkers complain about one that is not needed).
"""
