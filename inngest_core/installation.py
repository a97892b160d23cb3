"""Notices when another distribution that provides `import inngest` is installed in the same environment.

Looks at one folder and reads no metadata: this runs each time `inngest` is imported.
"""

from __future__ import annotations

import warnings
from pathlib import Path


def warn_of_other_distribution(package_file: str) -> None:
    """Warn when the distribution `inngest` is installed in the folder that `inngest-suite` is installed in.

    package_file: the `__file__` of the package `inngest`.
    """
    folder = Path(package_file).parents[1]
    other = next(folder.glob("inngest-*.dist-info"), None)
    if other is None:
        return
    version = other.name.removeprefix("inngest-").removesuffix(".dist-info")
    warnings.warn(
        f"the distributions inngest {version} and inngest-suite are both installed in {folder}, "
        "and each has overwritten files of the other. Keep one of them: run `pip uninstall inngest`, and then "
        "`pip install --force-reinstall --no-deps inngest-suite`",
        stacklevel=3,
    )
