"""Energy and gradient of a variational circuit."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import StatevectorEstimator
from qiskit_algorithms.gradients import ParamShiftEstimatorGradient, ReverseEstimatorGradient

from benchmarks.circuits import Circuit, ansatz
from benchmarks.jax_circuits import jax_value_and_gradient
from benchmarks.task import Call, Method, Task
from qep_qiskit.simulation.adjoint.primitives import AdjointEstimatorGradient
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.eigen.operators import PauliSum

Vector = NDArray[np.float64]
"""An answer: the energy, nan where a method gives the gradient alone, and then the gradient."""


def ours(case: Circuit) -> Call:
    """The compiled circuit and operator."""
    program, op = CircuitProgram.from_circuit(case.circuit), PauliSum.from_operator(case.op)
    return lambda: np.append(*program.energy_and_gradient(case.theta, op))


def estimator_gradient(case: Circuit, *, gradient: Any) -> Call:
    """Any gradient of the interface of qiskit-algorithms; it gives no energy."""
    estimator = gradient()
    return lambda: np.append(np.nan, estimator.run([case.circuit], [case.op], [case.theta]).result().gradients[0])


def lightning(case: Circuit, *, sparse: bool) -> Call:
    """PennyLane's lightning.qubit: energy and adjoint Jacobian of one tape in one call of the device."""
    import pennylane as qml
    from pennylane.devices import ExecutionConfig

    kinds = {"h": qml.Hadamard, "cx": qml.CNOT, "rx": qml.RX, "ry": qml.RY, "rz": qml.RZ, "rzz": qml.IsingZZ}
    operations = [
        kinds[gate.name](*([] if gate.parameter is None else [case.theta[gate.parameter]]), wires=gate.qubits)
        for gate in case.gates
    ]
    if sparse:
        leading_first = case.op.apply_layout(range(case.num_qubits)[::-1])  # wire 0 leads in the index
        op = qml.SparseHamiltonian(leading_first.to_matrix(sparse=True), wires=range(case.num_qubits))
    else:
        letter = {"X": qml.X, "Y": qml.Y, "Z": qml.Z}
        words = [qml.prod(*(letter[s](q) for s, q in zip(letters, qubits, strict=True))) for letters, qubits, _ in case.terms]
        op = qml.Hamiltonian([c for _, _, c in case.terms], words)
    device = qml.device("lightning.qubit", wires=case.num_qubits, c_dtype=np.complex128)
    tape = qml.tape.QuantumScript(operations, [qml.expval(op)], trainable_params=range(len(case.theta)))
    places = np.array([gate.parameter for gate in case.gates if gate.parameter is not None])
    config = device.setup_execution_config(ExecutionConfig(gradient_method="adjoint", use_device_gradient=True), tape)

    def call() -> Vector:
        energy, jacobian = device.execute_and_compute_derivatives(tape, config)
        gradient = np.empty(len(places))
        gradient[places] = np.ravel(jacobian)
        return np.append(energy, gradient)

    return call


def qulacs(case: Circuit) -> Call:
    """qulacs: native parametric gates, energy from the state that backprop needs anyway."""
    import qulacs

    n = case.num_qubits
    circuit = qulacs.ParametricQuantumCircuit(n)
    rotations = {"rx": circuit.add_parametric_RX_gate, "ry": circuit.add_parametric_RY_gate, "rz": circuit.add_parametric_RZ_gate}
    for gate in case.gates:
        angle = 0.0 if gate.parameter is None else -case.theta[gate.parameter]  # rotations are exp(+i θ/2 P) there
        if gate.name == "h":
            circuit.add_H_gate(*gate.qubits)
        elif gate.name == "cx":
            circuit.add_CNOT_gate(*gate.qubits)
        elif gate.name == "rzz":
            circuit.add_parametric_multi_Pauli_rotation_gate(list(gate.qubits), [3, 3], angle)
        else:
            rotations[gate.name](*gate.qubits, angle)
    op = qulacs.Observable(n)
    for letters, qubits, coefficient in case.terms:
        op.add_operator(coefficient, " ".join(f"{letter} {qubit}" for letter, qubit in zip(letters, qubits, strict=True)))
    places = np.array([gate.parameter for gate in case.gates if gate.parameter is not None])
    state, work, product = (qulacs.QuantumState(n) for _ in range(3))

    def call() -> Vector:
        state.set_zero_state()
        circuit.update_quantum_state(state)
        op.apply_to_state(work, state, product)
        energy = qulacs.state.inner_product(product, state).real
        gradient = np.empty(len(places))
        gradient[places] = -2.0 * np.array(circuit.backprop_inner_product(product))  # of Re⟨Hψ|ψ⟩ with Hψ held fixed
        return np.append(energy, gradient)

    return call


def error(case: Circuit, answer: Vector, reference: Vector) -> float:
    """Return the largest difference of energy and gradient entries that both have."""
    return float(np.nanmax(np.abs(answer - reference)))


METHODS: tuple[Method[Circuit], ...] = (
    Method("CircuitProgram", "qep-qiskit", ours, ours=True),
    Method(
        "AdjointEstimatorGradient",
        "qep-qiskit",
        partial(estimator_gradient, gradient=AdjointEstimatorGradient),
        ours=True,
        note="the plug-in for qiskit-algorithms; gradient alone",
    ),
    Method(
        "ReverseEstimatorGradient",
        "qiskit-algorithms",
        partial(estimator_gradient, gradient=ReverseEstimatorGradient),
        qiskit=True,
        largest=16,
        note="gradient alone",
    ),
    Method(
        "ParamShiftEstimatorGradient",
        "qiskit-algorithms",
        partial(estimator_gradient, gradient=lambda: ParamShiftEstimatorGradient(StatevectorEstimator())),
        largest=12,
        note="gradient alone",
    ),
    Method(
        "lightning.qubit, sparse H",
        "pennylane-lightning",
        partial(lightning, sparse=True),
        modules=("pennylane", "pennylane_lightning.lightning_qubit"),
    ),
    Method(
        "lightning.qubit, H of Pauli words",
        "pennylane-lightning",
        partial(lightning, sparse=False),
        modules=("pennylane", "pennylane_lightning.lightning_qubit"),
    ),
    Method("qulacs backprop", "qulacs", qulacs, modules=("qulacs",)),
    Method("JAX, jit, complex128", "jax", jax_value_and_gradient, modules=("jax",), note="set-up is the compilation"),
)


def _task(name: str, kind: str, text: str) -> Task[Circuit]:
    return Task(
        name=name,
        title=f"energy and gradient of {text}, Hamiltonian of a random 3-regular Ising network",
        case=partial(ansatz, kind),
        methods=METHODS,
        sizes=(12, 16, 20),
        quick=(12,),
        tolerance=1e-8,
        error=error,
    )


ENERGY_GRADIENT = _task("energy-gradient", "hamiltonian", "the 6-layer Hamiltonian ansatz, one angle a term")
ENERGY_GRADIENT_SU2 = _task("energy-gradient-su2", "efficient_su2", "efficient_su2, pairwise, 6 repetitions")
