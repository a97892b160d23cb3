"""The bytes and numbers of the wire contract: parse, dump, sign, verify. No decisions, no environment."""
