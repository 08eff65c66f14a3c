"""Networks of small tensors whose legs all have dimension four, contracted pair by pair in an order found once.

A leg is a bit of an integer, and a tensor's legs are the bits that are set. Every leg joins two tensors or is open.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qep_qiskit.simulation.noise.transfer import Real

ATTEMPTS = 24
"""Number of orders that are tried for a network whose first order has a large intermediate tensor."""
SMALL = 6
"""Number of legs up to which the largest intermediate tensor counts as small."""
HOPELESS = 20
"""From this number of legs on, only the first order is tried."""


@dataclass(frozen=True)
class Order:
    """An order of pairwise contractions.

    Attributes
    ----------
    pairs : tuple of (int, int)
        The positions of two tensors; their product is appended as the next tensor.
    legs : int
        The number of legs of the largest tensor.
    work : float
        The number of multiplications.
    """

    pairs: tuple[tuple[int, int], ...]
    legs: int
    work: float


@functools.lru_cache(maxsize=4096)
def order_of(tensors: tuple[int, ...]) -> Order:
    """Return a good order for a network: greedy, or the best of several randomised greedy ones.

    Each step contracts the pair whose product is smallest compared with its factors, as in Gray and Kourtis (2021),
    arXiv:2002.01935.
    """
    rng = np.random.default_rng(0)
    best = _greedy(tensors, 0.0, rng)
    for _ in range(ATTEMPTS if SMALL < best.legs < HOPELESS else 0):
        best = min(best, _greedy(tensors, 1.0, rng), key=lambda order: order.work)
    return best


def _greedy(tensors: tuple[int, ...], noise: float, rng: np.random.Generator) -> Order:
    legs = dict(enumerate(tensors))
    pairs: list[tuple[int, int]] = []
    largest, work, count = max(t.bit_count() for t in tensors), 0.0, len(tensors)
    costs: dict[tuple[int, int], float] = {}

    def cost(a: int, b: int) -> float:
        out = legs[a] ^ legs[b]
        size = 4.0 ** out.bit_count() - 4.0 ** legs[a].bit_count() - 4.0 ** legs[b].bit_count()
        if noise:
            size -= noise * abs(size) * np.log(rng.random())
        return size

    numbers = list(legs)
    for i, a in enumerate(numbers):
        for b in numbers[i + 1 :]:
            if legs[a] & legs[b]:
                costs[a, b] = cost(a, b)
    while len(legs) > 1:
        if costs:
            pair = min(costs, key=costs.__getitem__)
        else:  # parts that are not connected
            one, two = sorted(legs, key=lambda k: (legs[k].bit_count(), k))[:2]
            pair = (one, two)
        one, two = legs[pair[0]], legs[pair[1]]
        work += 4.0 ** (one | two).bit_count()
        product, new = one ^ two, count + len(pairs)
        costs = {key: value for key, value in costs.items() if pair[0] not in key and pair[1] not in key}
        del legs[pair[0]], legs[pair[1]]
        pairs.append(pair)
        legs[new] = product
        for other, theirs in legs.items():
            if other != new and theirs & product:
                costs[other, new] = cost(other, new)
        largest = max(largest, product.bit_count())
    return Order(tuple(pairs), largest, work)


def contract(tensors: Sequence[Real], legs: Sequence[Sequence[int]], order: Order, keep: Sequence[int]) -> Real:
    """Return the contraction of many networks of equal structure, shape (B, 4, …, 4).

    Parameters
    ----------
    tensors : sequence of ndarray of shape (B, 4, …, 4)
    legs : sequence of sequence of int
        The legs of each tensor, in the order of its axes.
    order : Order
    keep : sequence of int
        The open legs, in the order of the result's axes.
    """
    pool: dict[int, tuple[Real, list[int]]] = {i: (t, list(each)) for i, (t, each) in enumerate(zip(tensors, legs, strict=True))}
    for number, (a, b) in enumerate(order.pairs):
        pool[len(tensors) + number] = _product(*pool.pop(a), *pool.pop(b))
    ((result, result_legs),) = pool.values()
    return result.transpose(0, *(1 + result_legs.index(leg) for leg in keep))


def _product(one: Real, one_legs: list[int], two: Real, two_legs: list[int]) -> tuple[Real, list[int]]:
    if one.size < two.size:
        one, one_legs, two, two_legs = two, two_legs, one, one_legs
    shared = [leg for leg in one_legs if leg in two_legs]
    left = [leg for leg in one_legs if leg not in shared]
    right = [leg for leg in two_legs if leg not in shared]
    inner = 4 ** len(shared)
    first = one.transpose(0, *(1 + one_legs.index(leg) for leg in left + shared)).reshape(len(one), -1, inner)
    second = two.transpose(0, *(1 + two_legs.index(leg) for leg in shared + right)).reshape(len(two), inner, -1)
    return (first @ second).reshape(len(one), *(4,) * (len(left) + len(right))), left + right
