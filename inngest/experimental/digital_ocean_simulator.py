"""The name of the official SDK's `inngest.experimental.digital_ocean_simulator`. Holds no logic."""

from inngest_core.extras import needs

with needs("flask"):
    from inngest_digital_ocean.simulator import FULL_PATH, DigitalOceanSimulator

__all__ = ["FULL_PATH", "DigitalOceanSimulator"]
