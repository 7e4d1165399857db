"""Turns an isolated child into Node.js: the secret execve, its arguments, and limits that V8 respects."""

from __future__ import annotations


def arguments(*, node: str, runner: str, memory_mb: int) -> list[str]:
    """Give the command line of a runner that may use `memory_mb` of memory."""
    heap = max(16, memory_mb // 2)
    return [
        node,
        f"--max-old-space-size={heap}",
        "--expose-gc",
        "--no-addons",
        "--no-warnings",
        "--openssl-config=/dev/null",
        runner,
    ]


def environment() -> dict[str, str]:
    """Give the variables that Node.js itself needs; the runner removes them before it reads any code."""
    return {"UV_THREADPOOL_SIZE": "2", "UV_USE_IO_URING": "0", "MALLOC_ARENA_MAX": "1"}
