"""Recorded exchanges between real engines and other SDKs, and the functions that were served meanwhile."""
