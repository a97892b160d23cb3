"""Transactional outbox: one submodule for each way to reach a database, loaded when used."""
