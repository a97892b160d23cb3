"""Exports: a large report is made month by month, and whoever waits for it sees how far it is."""
