"""Random requests of every kind against the seam, in process: no unhandled error, no answer that is not ours.

A small number of examples belongs to the normal suite; `python -m tests.fuzz --examples 20000` runs as many as asked.
"""
