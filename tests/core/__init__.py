"""Tests of single rooms of the core, and of its laws."""
