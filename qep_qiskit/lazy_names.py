"""Lazy import of the public names of a package, at their first use."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib import import_module

from qep_qiskit.errors import nearest


def lazy_names(package: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package that lists its names in ``__all__``.

    The module of each name is given only once, by the imports under ``if TYPE_CHECKING:``, which type checkers read too.

    Parameters
    ----------
    package : str
        The ``__name__`` of the package.
    """
    module = sys.modules[package]

    @functools.cache
    def homes() -> dict[str, str]:
        import ast
        from pathlib import Path

        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        block = next(node for node in tree.body if isinstance(node, ast.If))
        statements = [node for node in block.body if isinstance(node, ast.ImportFrom)]
        return {alias.name: str(node.module) for node in statements for alias in node.names}

    def get(name: str) -> object:
        if name not in module.__all__:
            close = "" if name.startswith("_") else nearest(name, module.__all__)
            raise AttributeError(f"module {package!r} has no attribute {name!r}{close}")
        from qep_qiskit.signatures import readable

        value = readable(getattr(import_module(homes()[name]), name))
        setattr(module, name, value)
        return value

    def names() -> list[str]:
        return sorted({*module.__all__, *(name for name in vars(module) if name.startswith("__"))})

    return get, names
