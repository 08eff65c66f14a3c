"""Density-matrix renormalisation group: the lowest state of a sum of Pauli strings as a chain of tensors, by two-site sweeps.

Site tensors have the shape (left, 2, right). In right-canonical form, every tensor but the first is right-isometric.
White (1992); Schollwöck (2011), arXiv:1008.3477.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Chain: TypeAlias = list[Array]
Swept: TypeAlias = Callable[[int, float], None]

LETTERS: dict[str, Array] = {
    "I": np.eye(2),
    "X": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "Y": np.array([[0.0, -1j], [1j, 0.0]]),
    "Z": np.diag([1.0, -1.0]),
}
KRYLOV = 14
"""The largest number of Lanczos vectors per bond."""
MOST_KNOWN = 64
"""The number of environments that are kept for reuse, since many strings begin with the same letters."""
STILL = 1e-10
"""A bond is not optimised if its residual is below this share of the energy scale."""
NOISES = (1e-4, 1e-5, 1e-6, 1e-8)
"""The amplitudes of White's perturbation of the density matrix in the first sweeps from a product state (PRB 72, 180403)."""


class Accuracy(NamedTuple):
    """The accuracy of a search.

    Schmidt values below `smallest` are dropped, even if the bond dimension would allow them. Sweeps end when the energy changes
    by less than the share `energy` of itself and no bond's residual exceeds `residual` times the energy scale. They also end when
    a sweep gains less energy than one truncation loses.
    """

    smallest: float = 1e-10
    energy: float = 1e-12
    residual: float = 1e-7


def operator(
    strings: Sequence[Sequence[tuple[int, str]]], coefficients: Sequence[float], n: int, *, shifts: Sequence[float] | None = None
) -> Chain:
    """Return Σ c_k P_k − Σ shift_k as a matrix product operator, with tensors of shape (left, right, 2, 2).

    Parameters
    ----------
    strings : sequence
        Each string as (place, letter) in the order of the chain; empty for the identity.
    coefficients : sequence of float
    n : int
        The number of places.
    shifts : sequence of float, optional
        Numbers to subtract, each at the first place of its string, which keeps partial sums small.

    Notes
    -----
    The states of a bond are: no string has begun, a string has ended, and the first letters of each string that crosses it.
    """
    starts: list[dict[Any, int]] = [{"nothing": 0, "all": 1} for _ in range(n + 1)]
    steps: list[dict[tuple[int, int], Array]] = [{} for _ in range(n)]

    def add(place: int, left: Any, right: Any, matrix: Array) -> None:
        i = starts[place].setdefault(left, len(starts[place]))
        j = starts[place + 1].setdefault(right, len(starts[place + 1]))
        steps[place][i, j] = steps[place].get((i, j), 0.0) + matrix

    for place in range(n):
        add(place, "nothing", "nothing", LETTERS["I"])
        add(place, "all", "all", LETTERS["I"])
    for k, (string, coefficient) in enumerate(zip(strings, coefficients, strict=True)):
        shift = 0.0 if shifts is None else shifts[k]
        if shift or not string:
            first = string[0][0] if string else 0
            add(first, "nothing", "all", ((0.0 if string else coefficient) - shift) * LETTERS["I"])
        if not string or coefficient == 0.0:
            continue
        letters = dict(string)
        prefix: Any = "nothing"
        last = string[-1][0]
        for place in range(string[0][0], last + 1):
            letter = letters.get(place, "I")
            if place == last:
                add(place, prefix, "all", coefficient * LETTERS[letter])
            else:
                after = prefix if letter == "I" else (*(prefix if isinstance(prefix, tuple) else ()), (place, letter))
                i, j = starts[place].get(prefix), starts[place + 1].get(after)
                if i is None or j is None or (i, j) not in steps[place]:
                    add(place, prefix, after, LETTERS[letter])
                prefix = after
    complex_ = any(np.iscomplexobj(matrix) for step in steps for matrix in step.values())
    chain: Chain = []
    for place, step in enumerate(steps):
        tensor = np.zeros((len(starts[place]), len(starts[place + 1]), 2, 2), dtype=complex if complex_ else float)
        for (i, j), matrix in step.items():
            tensor[i, j] += matrix
        chain.append(tensor)
    chain[0], chain[-1] = chain[0][:1], chain[-1][:, 1:2]
    return chain


def lowest(
    start: Chain,
    mpo: Chain,
    *,
    bond_dimension: int,
    max_sweeps: int,
    accuracy: Accuracy,
    noisy: bool = False,
    orthogonal_to: Chain | None = None,
    swept: Swept = lambda sweep, energy: None,
) -> tuple[Chain, float, float, int]:
    """Return the lowest state reached by sweeps from a right-canonical chain; `noisy` perturbs the first sweeps.

    Return the chain, its energy, the largest weight dropped in the last sweep, and the number of sweeps. After each sweep,
    `swept` is called with its number and the energy.
    """
    return _Sweeper(start, mpo, bond_dimension, accuracy, orthogonal_to).run(max_sweeps, noisy, swept)


class _Sweeper:
    def __init__(self, start: Chain, mpo: Chain, most: int, accuracy: Accuracy, other: Chain | None) -> None:
        self.n, self.mpo, self.most, self.accuracy, self.other = len(start), mpo, most, accuracy, other
        dtype = np.result_type(*start, *mpo)
        self.chain = [np.asarray(tensor, dtype=dtype) for tensor in start]
        self.left: list[Array] = [np.ones((1, 1, 1))] * self.n
        self.right: list[Array] = [np.ones((1, 1, 1))] * self.n
        self.near: list[Array] = [np.ones((1, 1))] * self.n
        self.far: list[Array] = [np.ones((1, 1))] * self.n
        for k in range(self.n - 1, 1, -1):
            self._grow_right(k)
        self.scale = 1.0
        self.energy = np.inf

    def run(self, max_sweeps: int, noisy: bool, swept: Swept) -> tuple[Chain, float, float, int]:
        before, dropped, sweep = np.inf, 0.0, 0
        for sweep in range(1, max_sweeps + 1):
            noise = NOISES[sweep - 1] if noisy and sweep <= len(NOISES) else 0.0
            bonds = [(k, True) for k in range(self.n - 1)] + [(k, False) for k in range(self.n - 2, -1, -1)]
            dropped = residual = lost = 0.0
            for k, rightwards in bonds:
                error, weight, loss = self._bond(k, rightwards, noise)
                residual, dropped, lost = max(residual, error), max(dropped, weight), max(lost, loss)
            gained = abs(before - self.energy)
            before = self.energy
            swept(sweep, self.energy)
            settled = (
                gained <= self.accuracy.energy * max(1.0, abs(self.energy)) and residual <= self.accuracy.residual * self.scale
            )
            if sweep > 1 and not noise and (settled or gained < lost):
                break
        return self.chain, self.energy, dropped, sweep

    def _bond(self, k: int, rightwards: bool, noise: float) -> tuple[float, float, float]:
        """Optimise tensors k and k + 1 together; return the previous residual, the dropped weight and the lost energy."""
        one, two = self.chain[k], self.chain[k + 1]
        (a, _, m), c = one.shape, two.shape[2]
        theta = one.reshape(2 * a, m) @ two.reshape(m, 2 * c)
        first, second = self._halves(k)
        apart = None if self.other is None else self._apart(k, theta.shape)

        def product(vector: Array) -> Array:
            return np.asarray(np.matmul(np.matmul(first, vector), second).sum(axis=0))

        energy, theta, residual = _lanczos(product, theta, apart, STILL * self.scale)
        self.energy = energy
        self.scale = max(1.0, abs(energy) / self.n)
        if noise:
            one, two, dropped = self._perturbed(theta, first, second, rightwards, noise)
        else:
            one, two, dropped = self._split(theta, rightwards)
        self.chain[k], self.chain[k + 1] = one.reshape(a, 2, -1), two.reshape(-1, 2, c)
        if rightwards and k < self.n - 2:
            self._grow_left(k)
        elif not rightwards and k > 0:
            self._grow_right(k + 1)
        lost = 0.0
        if dropped > 1e-14:
            truncated = one @ two
            size = float(np.real(np.vdot(truncated, truncated)))
            lost = float(np.real(np.vdot(truncated, product(truncated)))) / size - energy
        return residual, dropped, lost

    def _halves(self, k: int) -> tuple[Array, Array]:
        """Return H as Σ_v first[v] · θ · second[v] for θ of shape (2·left, 2·right)."""
        left, one, two, right = self.left[k], self.mpo[k], self.mpo[k + 1], self.right[k + 1]
        a, c, v = left.shape[0], right.shape[0], one.shape[1]
        first = np.tensordot(left, one, axes=(1, 0)).transpose(2, 0, 3, 1, 4).reshape(v, 2 * a, 2 * a)
        second = np.tensordot(two, right, axes=(1, 1)).transpose(0, 2, 4, 1, 3).reshape(v, 2 * c, 2 * c)
        return first, second

    def _split(self, theta: Array, rightwards: bool) -> tuple[Array, Array, float]:
        u, s, vh = np.linalg.svd(theta, full_matrices=False)
        count = min(self.most, max(1, int(np.count_nonzero(s > self.accuracy.smallest))))
        dropped = float((s[count:] ** 2).sum())
        u, s, vh = u[:, :count], s[:count] / np.linalg.norm(s[:count]), vh[:count]
        return (u, s[:, None] * vh, dropped) if rightwards else (u * s, vh, dropped)

    def _perturbed(self, theta: Array, first: Array, second: Array, rightwards: bool, noise: float) -> tuple[Array, Array, float]:
        """Split θ by the density matrix of one side, perturbed by a share of the states that H couples to it (White)."""
        moved = first @ theta if rightwards else (theta @ second).conj().transpose(0, 2, 1)
        state = theta if rightwards else theta.conj().T
        size = float(np.sum(np.abs(moved) ** 2)) or 1.0
        density = state @ state.conj().T + noise / size * np.einsum("vab,vcb->ac", moved, moved.conj())
        weights, vectors = np.linalg.eigh(density)
        count = min(self.most, max(1, int(np.count_nonzero(weights > self.accuracy.smallest**2))), min(theta.shape))
        isometry = vectors[:, ::-1][:, :count]
        rest = isometry.conj().T @ state
        size = float(np.linalg.norm(rest))
        rest = rest / size
        dropped = max(0.0, 1.0 - size**2)
        return (isometry, rest, dropped) if rightwards else (rest.conj().T, isometry.conj().T, dropped)

    def _grow_left(self, k: int) -> None:
        tensor = self.chain[k]
        self.left[k + 1] = _through_operator(self.left[k], tensor, self.mpo[k])
        if self.other is not None:
            self.near[k + 1] = np.einsum("ax,apb,xpy->by", self.near[k], tensor.conj(), self.other[k], optimize=True)

    def _grow_right(self, k: int) -> None:
        tensor = self.chain[k]
        half = np.tensordot(tensor, self.right[k], axes=(2, 2))  # (a, p, b', w)
        half = np.tensordot(half, self.mpo[k], axes=([3, 1], [1, 3]))  # (a, b', v, p')
        self.right[k - 1] = np.tensordot(tensor.conj(), half, axes=([2, 1], [1, 3])).transpose(0, 2, 1)
        if self.other is not None:
            self.far[k - 1] = np.einsum("by,apb,xpy->ax", self.far[k], tensor.conj(), self.other[k], optimize=True)

    def _apart(self, k: int, shape: tuple[int, ...]) -> Array:
        assert self.other is not None
        both = np.einsum("ax,xpm,mqy,by->apqb", self.near[k], self.other[k], self.other[k + 1], self.far[k + 1], optimize=True)
        vector = both.reshape(shape)
        size = float(np.linalg.norm(vector))
        return vector / size if size > 1e-12 else np.zeros_like(vector)


def _lanczos(product: Any, start: Array, apart: Array | None, still: float) -> tuple[float, Array, float]:
    """Return the lowest energy, its vector, and the residual of the start."""

    def clean(vector: Array) -> Array:
        return vector if apart is None else vector - np.vdot(apart, vector) * apart

    vector = clean(start)
    size = float(np.linalg.norm(vector))
    if size < 1e-8:
        vector = clean(np.random.default_rng(0).normal(size=start.shape))
        size = float(np.linalg.norm(vector))
    vector = vector / size
    basis, diagonal = [vector], []
    off: list[float] = []
    residual = 0.0
    values, ritz = np.zeros(1), np.ones((1, 1))
    for step in range(KRYLOV):
        image = product(basis[-1])
        diagonal.append(float(np.real(np.vdot(basis[-1], image))))
        image = image - diagonal[-1] * basis[-1]
        if step:
            image = image - off[-1] * basis[-2]
        for each in basis:
            image = image - np.vdot(each, image) * each
        image = clean(image)  # last: without it, steps amplify a rounding error if the eigenvalue 0 of `apart` is the lowest
        size = float(np.linalg.norm(image))
        if step == 0:
            residual = size
            values = np.array(diagonal)
        else:
            matrix = np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)
            values, ritz = np.linalg.eigh(matrix)
        if size * abs(ritz[-1, 0]) < max(still, 1e-3 * residual if step > 1 else 0.0) or len(basis) >= start.size:
            break
        if step < KRYLOV - 1:
            off.append(size)
            basis.append(image / size)
    count = ritz.shape[0]
    ground = sum(ritz[i, 0] * basis[i] for i in range(count))
    return float(values[0]), ground / np.linalg.norm(ground), residual


def product_chain(turns: Array, phases: Array | None = None) -> Chain:
    """Return the product state of spins turned by these angles from +Z, and around Z by `phases`."""
    ones = np.sin(turns / 2) * (1.0 if phases is None else np.exp(1j * phases))
    return [np.array([np.cos(turn / 2), one]).reshape(1, 2, 1) for turn, one in zip(turns, ones, strict=True)]


def expectations(chain: Chain, strings: Sequence[Sequence[tuple[int, str]]]) -> NDArray[np.float64]:
    """Return ⟨P⟩ of every string in a right-canonical chain; the strings have the form used by :func:`operator`."""
    lefts = [np.ones((1, 1))]
    for tensor in chain[:-1]:
        lefts.append(_through(lefts[-1], tensor, None))
    values = np.ones(len(strings))
    known: dict[tuple[tuple[int, str], ...], tuple[int, Array]] = {}
    for k in sorted(range(len(strings)), key=lambda k: tuple(strings[k])):
        string = tuple(strings[k])
        if not string:
            continue
        place, env, done = string[0][0], lefts[string[0][0]], 0
        for length in range(len(string) - 1, 0, -1):
            if string[:length] in known and known[string[:length]][0] <= string[length][0]:
                (place, env), done = known[string[:length]], length
                break
        for index in range(done, len(string)):
            there, letter = string[index]
            while place < there:
                env, place = _through(env, chain[place], None), place + 1
            if index > 0:
                known[string[:index]] = place, env
            env, place = _through(env, chain[place], LETTERS[letter]), place + 1
        values[k] = float(np.real(np.trace(env)))
        if len(known) > MOST_KNOWN:
            known.clear()
    return values


def _through(env: Array, tensor: Array, matrix: Array | None) -> Array:
    """Extend an environment (bra, ket) by one site, with an operator on that site."""
    ket = np.tensordot(env, tensor, axes=(1, 0))
    if matrix is not None:
        ket = np.tensordot(matrix, ket, axes=(1, 1)).transpose(1, 0, 2)
    return np.asarray(np.tensordot(tensor.conj(), ket, axes=([0, 1], [0, 1])))


def _through_operator(env: Array, tensor: Array, w: Array) -> Array:
    """Extend an environment (bra, operator, ket) by one site of a matrix product operator."""
    half = np.tensordot(env, tensor, axes=(2, 0))  # (a', w, p, b)
    half = np.tensordot(half, w, axes=([1, 2], [0, 3]))  # (a', b, v, p')
    return np.asarray(np.tensordot(tensor.conj(), half, axes=([0, 1], [0, 3])).transpose(0, 2, 1))


def overlap(one: Chain, other: Chain) -> complex:
    """Return ⟨one|other⟩."""
    env = np.ones((1, 1))
    for a, b in zip(one, other, strict=True):
        env = np.tensordot(a.conj(), np.tensordot(env, b, axes=(1, 0)), axes=([0, 1], [0, 1]))
    return complex(env[0, 0])


def variance(chain: Chain, mpo: Chain) -> float:
    """Return ⟨O²⟩ − ⟨O⟩² for a Hermitian matrix product operator."""
    env, mean = np.ones((1, 1, 1, 1)), np.ones((1, 1, 1))
    for tensor, w in zip(chain, mpo, strict=True):
        ket = np.tensordot(env, tensor, axes=(3, 0))  # (bra, w', w, p, b)
        ket = np.tensordot(ket, w, axes=([2, 3], [0, 3]))  # (bra, w', b, v, p')
        ket = np.tensordot(ket, w, axes=([1, 4], [0, 3]))  # (bra, b, v, v', p'')
        env = np.tensordot(tensor.conj(), ket, axes=([0, 1], [0, 4])).transpose(0, 3, 2, 1)
        mean = _through_operator(mean, tensor, w)
    return float(np.real(env[0, 0, 0, 0]) - np.real(mean[0, 0, 0]) ** 2)
