"""Serve functions from DigitalOcean Functions: `main = inngest.digital_ocean.serve(client, functions)`."""

from inngest_digital_ocean import serve

__all__ = ["serve"]
