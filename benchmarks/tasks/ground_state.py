"""The ground state alone, to one residual: each package in the ways that its documentation offers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp
from scipy.sparse.linalg import LinearOperator, eigsh

from benchmarks.problems import problem
from benchmarks.task import Call, Method, Task
from qep_qiskit.simulation.eigen.lanczos import ground_state
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.threads import single_threaded

Vector = NDArray[np.float64]
ANGLE = 1e-9
"""The wanted angle to the true ground state: residual / gap."""


@dataclass(frozen=True)
class Case:
    """A Hamiltonian and what rivals are told about it, so that none works for more digits than ours.

    Attributes
    ----------
    op : SparsePauliOp
    terms : list of (coefficient, letters, sites)
        Sites in the order of quspin and quimb, whose site 0 is the leading bit: qubit q is site n − 1 − q.
    residual : float
        ‖(H − E) ψ‖ at the wanted angle.
    relative : float
        The same divided by |E|: the tolerance of ARPACK.
    products : int
        How many products H·v plain Lanczos needs, for packages whose Lanczos has no stopping rule.
    """

    op: SparsePauliOp
    terms: list[tuple[float, str, tuple[int, ...]]]
    residual: float
    relative: float
    products: int

    @property
    def num_qubits(self) -> int:
        """The number of qubits."""
        return int(self.op.num_qubits)


def case(size: int) -> Case:
    """Return the free Hamiltonian of the shared problem."""
    sample = problem(size)
    op = sample.network.hamiltonian(sample.weights, sample.x)
    ground = ground_state(PauliSum.from_operator(op))
    terms = [(float(c.real), letters, tuple(size - 1 - q for q in qubits)) for letters, qubits, c in op.to_sparse_list()]
    residual = ANGLE * ground.gap
    return Case(op, terms, residual, residual / abs(ground.energy), _lanczos_steps(op, residual))


def _lanczos_steps(op: SparsePauliOp, residual: float) -> int:
    """Return how many steps plain Lanczos takes from a random vector to this residual."""
    compiled = PauliSum.from_operator(op)
    current: Vector = _random(compiled.dim)
    previous = np.zeros_like(current)
    alphas: list[float] = []
    betas: list[float] = []
    while True:
        product = compiled.apply(current) - (betas[-1] * previous if betas else 0.0)
        alphas.append(float(current @ product))
        product -= alphas[-1] * current
        betas.append(float(np.linalg.norm(product)))
        previous, current = current, product / betas[-1]
        matrix = np.diag(alphas) + np.diag(betas[:-1], 1) + np.diag(betas[:-1], -1)
        if len(alphas) % 4 == 0 and betas[-1] * abs(np.linalg.eigh(matrix)[1][-1, 0]) < residual:
            return len(alphas)


def _random(dim: int) -> Vector:
    v = np.random.default_rng(5).standard_normal(dim)
    return v / np.linalg.norm(v)


def ours(case: Case, *, gap: bool) -> Call:
    """Matrix-free Lanczos; the operator is compiled in the set-up."""
    op = PauliSum.from_operator(case.op)
    op.apply(np.zeros(op.dim))  # what is made at the first product belongs to the set-up
    return lambda: ground_state(op, gap=gap, tolerance=ANGLE).vector


def scipy_eigsh(case: Case) -> Call:
    """The real sparse matrix from Qiskit, ARPACK at our residual."""
    matrix = case.op.to_matrix(sparse=True).real
    return lambda: eigsh(matrix, k=1, which="SA", tol=case.relative)[1][:, 0]


def scipy_on_our_product(case: Case) -> Call:
    """ARPACK at our residual on this package's matrix-free product."""
    op = PauliSum.from_operator(case.op)
    op.apply(np.zeros(op.dim))
    product = LinearOperator((op.dim, op.dim), matvec=op.apply, dtype=np.float64)
    return lambda: eigsh(product, k=1, which="SA", tol=case.relative)[1][:, 0]


def scipy_plain(case: Case) -> Call:
    """As most write it: the complex matrix, ARPACK's own tolerance."""
    matrix = case.op.to_matrix(sparse=True)
    return lambda: eigsh(matrix, k=1, which="SA")[1][:, 0]


def _quspin(case: Case, kind: str) -> Any:
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian, quantum_LinearOperator

    basis = spin_basis_general(case.num_qubits, pauli=1)
    static: dict[str, list[list[float]]] = {}
    for coefficient, letters, sites in case.terms:
        static.setdefault(letters.lower(), []).append([coefficient, *sites])
    unchecked = {"check_herm": False, "check_symm": False, "check_pcon": False}
    listed = [[letters, couplings] for letters, couplings in static.items()]
    if kind == "matrix-free":
        return quantum_LinearOperator(listed, basis=basis, dtype=np.float64, **unchecked)
    return hamiltonian(listed, [], basis=basis, dtype=np.float64, static_fmt=kind, **unchecked)


def quspin_eigsh(case: Case, kind: str) -> Call:
    """quspin's operator and its eigsh, which is ARPACK."""
    op = _quspin(case, kind)
    return lambda: op.eigsh(k=1, which="SA", tol=case.relative)[1][:, 0]


def quspin_lanczos(case: Case, kind: str) -> Call:
    """quspin's own Lanczos on its operator, with just as many steps as it takes."""
    from quspin.tools.lanczos import lanczos_full

    op = _quspin(case, kind)

    def call() -> Vector:
        _, vectors, basis = lanczos_full(op, _random(2**case.num_qubits), case.products, full_ortho=False)
        vector: Vector = vectors[:, 0] @ basis
        return vector / np.linalg.norm(vector)

    return call


def _quimb(case: Case) -> Any:
    from quimb.operator import HilbertSpace, SparseOperatorBuilder

    builder = SparseOperatorBuilder(hilbert_space=HilbertSpace(range(case.num_qubits)))
    for coefficient, letters, sites in case.terms:
        builder.add_term(coefficient, *zip(letters.lower(), sites, strict=True))
    return builder


def quimb_sparse(case: Case) -> Call:
    """quimb's operator builder as a sparse matrix, and its groundstate."""
    import quimb

    matrix = _quimb(case).build_sparse_matrix()
    return lambda: np.asarray(quimb.groundstate(matrix, tol=case.relative))[:, 0]


def quimb_lazy(case: Case) -> Call:
    """quimb's operator builder as a linear operator without matrix, and its groundstate."""
    import quimb

    linear = _quimb(case).aslinearoperator(parallel=int(os.environ.get("OMP_NUM_THREADS", "1")))
    linear.matvec(np.zeros(2**case.num_qubits))
    return lambda: np.asarray(quimb.groundstate(linear, tol=case.relative))[:, 0]


def error(case: Case, answer: Vector, reference: Vector) -> float:
    """Return the angle to the true ground state, residual / gap."""
    op = PauliSum.from_operator(case.op)
    psi = np.asarray(answer).real / np.linalg.norm(np.asarray(answer).real)
    with single_threaded(case.num_qubits):
        product = op.apply(psi)
        return float(np.linalg.norm(product - (psi @ product) * psi)) / case.residual * ANGLE


def _named(name: str, setup: Callable[[Case], Call], package: str, *modules: str, **options: Any) -> Method[Case]:
    return Method(name, package, setup, modules=modules, **options)


GROUND_STATE: Task[Case] = Task(
    name="ground-state",
    title="the ground state of the same networks, every method to the same residual; set-up is the operator",
    case=case,
    methods=(
        _named("ground_state", partial(ours, gap=False), "qep-qiskit", ours=True),
        _named("ground_state with its gap", partial(ours, gap=True), "qep-qiskit", ours=True),
        _named("to_matrix + eigsh, plain", scipy_plain, "qiskit", qiskit=True),
        _named("to_matrix + eigsh, real, same residual", scipy_eigsh, "scipy"),
        _named("eigsh on our own product", scipy_on_our_product, "scipy", note="PauliSum.apply as a LinearOperator"),
        _named("quspin hamiltonian.eigsh", partial(quspin_eigsh, kind="csr"), "quspin", "quspin.operators", "quspin.basis"),
        _named("quspin hamiltonian, DIA, lanczos_full", partial(quspin_lanczos, kind="dia"), "quspin", "quspin.tools.lanczos"),
        _named("quspin hamiltonian, lanczos_full", partial(quspin_lanczos, kind="csr"), "quspin", "quspin.tools.lanczos"),
        _named("quspin matrix-free eigsh", partial(quspin_eigsh, kind="matrix-free"), "quspin", "quspin.operators", largest=18),
        _named("quspin matrix-free lanczos_full", partial(quspin_lanczos, kind="matrix-free"), "quspin", "quspin.tools.lanczos"),
        _named("quimb sparse groundstate", quimb_sparse, "quimb", "quimb.operator"),
        _named("quimb matrix-free groundstate", quimb_lazy, "quimb", "quimb.operator", largest=18),
    ),
    sizes=(12, 16, 18, 20),
    quick=(12,),
    tolerance=20 * ANGLE,
    error=error,
    times_setup=True,
)
