"""A testing kit: functions, and whole apps, run on the bundled engine's own logic, in process and in virtual time.

Users import it as `from inngest import testing`. Nothing is imported here, for pytest loads `plugin.py` in each project
that has this package installed.
"""
