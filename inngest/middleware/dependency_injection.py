"""Dependency injection into handlers. Needs nothing more than the core."""

from inngest_middleware.dependency_injection import DependencyError, DependencyInjection, Depends

__all__ = ["DependencyError", "DependencyInjection", "Depends"]
