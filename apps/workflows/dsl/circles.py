"""Find the circles of a directed graph (Tarjan's strongly connected components, with a stack of its own)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def circles(ways_on: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The groups of nodes that lead back to themselves, each node in one group at most."""
    number = [0] * len(ways_on)
    low = [0] * len(ways_on)
    on_path = bytearray(len(ways_on))
    path: list[int] = []
    count = 0
    for root in range(len(ways_on)):
        if number[root]:
            continue
        work = [(root, 0)]
        while work:
            node, at = work.pop()
            if at == 0:
                count += 1
                number[node] = low[node] = count
                path.append(node)
                on_path[node] = 1
            for place in range(at, len(ways_on[node])):
                target = ways_on[node][place]
                if not number[target]:
                    work.append((node, place + 1))
                    work.append((target, 0))
                    break
                if on_path[target]:
                    low[node] = min(low[node], number[target])
            else:
                yield from _close(node, ways_on, path, number, low, on_path)
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])


def _close(
    node: int,
    ways_on: Sequence[Sequence[int]],
    path: list[int],
    number: list[int],
    low: list[int],
    on_path: bytearray,
) -> Iterator[list[int]]:
    """Take a finished component off the path, and give it if it is a circle."""
    if low[node] != number[node]:
        return
    group = []
    while True:
        member = path.pop()
        on_path[member] = 0
        group.append(member)
        if member == node:
            break
    if len(group) > 1 or node in ways_on[node]:
        yield group
