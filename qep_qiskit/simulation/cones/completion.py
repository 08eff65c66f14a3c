"""Completion of a linear map on bits from some of its rows and some columns of its inverse.

A network of CX gates maps bits x to y = M x over GF(2). Seen from some of its outputs, Z operators need rows of M and X operators
need columns of its inverse. The missing rows can be anything that makes M invertible: what they belong to is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def completed(size: int, rows: Mapping[int, int], columns: Mapping[int, int]) -> tuple[int, ...]:
    """Return the rows of an invertible matrix M that has the given rows and, in its inverse, the given columns.

    Parameters
    ----------
    size
        The number of bits.
    rows, columns
        Some rows of M and some columns of its inverse as bit masks, by their index. They belong to one invertible matrix of
        possibly more bits: row i times column j is 1 if i = j and 0 otherwise.
    """
    all_columns = dict(columns)
    for i in rows.keys() - columns.keys():
        all_columns[i] = _solve(size, [(row, int(i == j)) for j, row in rows.items()])[0]
    all_rows = dict(rows)
    for i in columns.keys() - rows.keys():
        all_rows[i] = _solve(size, [(column, int(i == j)) for j, column in all_columns.items()])[0]
    free = [i for i in range(size) if i not in all_rows]
    rest = _solve(size, [(column, 0) for column in all_columns.values()])[1]
    all_rows.update(zip(free, rest, strict=True))
    return tuple(all_rows[i] for i in range(size))


def inverse_columns(rows: Sequence[int]) -> tuple[int, ...]:
    """Return the columns of the inverse of a matrix over GF(2), as bit masks."""
    every = range(len(rows))
    return tuple(_solve(len(rows), [(row, int(i == j)) for j, row in enumerate(rows)])[0] for i in every)


def _solve(size: int, equations: Sequence[tuple[int, int]]) -> tuple[int, list[int]]:
    """Return one solution x of ``parity(mask & x) = value`` for all equations, and a basis of those with all values 0."""
    pivots: dict[int, tuple[int, int]] = {}
    for mask, value in equations:
        for bit, (other, shift) in pivots.items():
            if mask >> bit & 1:
                mask, value = mask ^ other, value ^ shift
        if mask:
            new = mask.bit_length() - 1
            for bit, (other, shift) in pivots.items():
                if other >> new & 1:
                    pivots[bit] = other ^ mask, shift ^ value
            pivots[new] = mask, value
    solution = sum(value << bit for bit, (_, value) in pivots.items())
    basis = []
    for free in range(size):
        if free not in pivots:
            basis.append(1 << free | sum((mask >> free & 1) << bit for bit, (mask, _) in pivots.items()))
    return solution, basis
