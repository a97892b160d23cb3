"""AI providers: how a request to one is made, and what its answer says of models and tokens. Values only."""
