"""Serves functions from Starlette: `serve` for an app, `routes` for a constructor, and a `lifespan`.

Each file translates between Starlette and the core, and does nothing else.
"""

from __future__ import annotations

from .lifespan import lifespan
from .serve import HasRoutes, add_route, check_has_routes, routes, serve

__all__ = ["HasRoutes", "add_route", "check_has_routes", "lifespan", "routes", "serve"]
