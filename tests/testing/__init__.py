"""The testing kit, used as its users use it."""
