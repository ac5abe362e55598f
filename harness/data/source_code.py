"""The hash of code by what it does: comments, docstrings and layout do not count."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def digest(files: Iterable[Path]) -> str:
    """SHA-256 over the names and the syntax trees of Python files; what is not Python counts by its bytes."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0" + _of_file(file, file.stat().st_mtime_ns, file.stat().st_size))
    return whole.hexdigest()


@cache
def _of_file(file: Path, _changed: int, _size: int) -> bytes:
    content = file.read_bytes()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return hashlib.sha256(content).digest()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            node.body = [one for one in body if not _is_docstring(one)]
    return hashlib.sha256(ast.dump(tree).encode()).digest()


def _is_docstring(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
