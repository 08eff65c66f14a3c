"""Fast exact simulation of circuits, with the interfaces of Qiskit's primitives and qiskit-algorithms."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.primitives import BaseEstimatorV2, DataBin, EstimatorPubLike, PrimitiveJob, PrimitiveResult, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import Operator, Pauli, SparseObservable, SparsePauliOp
from qiskit.quantum_info.operators.base_operator import BaseOperator
from qiskit_algorithms.gradients import BaseEstimatorGradient, DerivativeType, EstimatorGradientResult

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.threads import single_threaded


class ProgramCache:
    """A cache of compiled circuits and operators that drops the least recently used ones first.

    Circuits are compared by content, so a circuit that has been changed in place is compiled again.

    Parameters
    ----------
    size
        The number of circuits to keep, and the number of operators.
    """

    def __init__(self, size: int = 16) -> None:
        if size < 1:
            raise InputError(f"a cache of {size} circuits holds nothing; give a size of at least 1")
        self._size = size
        self._lock = threading.Lock()
        self._programs: list[tuple[QuantumCircuit, CircuitProgram]] = []
        self._operators: OrderedDict[Any, PauliSum] = OrderedDict()

    def program(self, circuit: QuantumCircuit) -> CircuitProgram:
        """Return the compiled program of a circuit."""
        with self._lock:
            for i, (compiled, program) in enumerate(self._programs):
                if _same(circuit, compiled):
                    self._programs.append(self._programs.pop(i))
                    return program
            program = CircuitProgram.from_circuit(circuit)
            self._programs = [*self._programs[1 - self._size or len(self._programs) :], (circuit.copy(), program)]
            return program

    def operator(self, operator: BaseOperator) -> PauliSum:
        """Return the compiled form of an operator, which must be a sum of Pauli strings or convertible to one."""
        if isinstance(operator, Pauli | str):
            operator = SparsePauliOp(operator)
        elif isinstance(operator, SparseObservable):
            operator = SparsePauliOp.from_sparse_observable(operator)
        elif not isinstance(operator, SparsePauliOp):
            operator = SparsePauliOp.from_operator(Operator(operator))
        paulis = operator.paulis
        key = tuple(part.tobytes() for part in (paulis.x, paulis.z, paulis.phase, operator.coeffs))
        return self._operator((operator.num_qubits, *key), operator)

    def observable(self, terms: Mapping[str, float]) -> PauliSum:
        """Return the compiled form of an observable, given as a mapping of labels to coefficients; letters may be projectors."""
        key = tuple(terms.items())
        return self._operator(key, None)

    def _operator(self, key: Any, operator: SparsePauliOp | None) -> PauliSum:
        with self._lock:
            if key not in self._operators:
                if operator is None:
                    operator = SparsePauliOp.from_sparse_observable(SparseObservable.from_list(list(key)))
                self._operators[key] = PauliSum.from_operator(operator)
                if len(self._operators) > self._size:
                    self._operators.popitem(last=False)
            self._operators.move_to_end(key)
            return self._operators[key]


def _same(circuit: QuantumCircuit, known: QuantumCircuit) -> bool:
    return bool(
        circuit.num_qubits == known.num_qubits
        and circuit.num_parameters == known.num_parameters
        and circuit.global_phase == known.global_phase
        and circuit.qubits == known.qubits
        and circuit.data == known.data
    )


class AdjointEstimator(BaseEstimatorV2):
    """A Qiskit estimator of exact expectation values.

    Parameters
    ----------
    cache
        A cache. Share it with an `AdjointEstimatorGradient` to compile every circuit only once.

    Notes
    -----
    Values have no statistical error, whatever precision is requested: ``data.stds`` is 0.

    Examples
    --------
    >>> from qiskit.circuit import QuantumCircuit
    >>> circuit = QuantumCircuit(1)
    >>> _ = circuit.x(0)
    >>> float(AdjointEstimator().run([(circuit, "Z")]).result()[0].data.evs)
    -1.0
    """

    def __init__(self, *, cache: ProgramCache | None = None) -> None:
        self._cache = cache or ProgramCache()

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None
    ) -> PrimitiveJob[PrimitiveResult[PubResult]]:
        """Evaluate pubs (circuit, observables, parameter values); see `qiskit.primitives.BaseEstimatorV2`."""
        job = PrimitiveJob(self._run, [EstimatorPub.coerce(pub, precision) for pub in pubs])
        job._submit()
        return job

    def _run(self, pubs: Sequence[EstimatorPub]) -> PrimitiveResult[PubResult]:
        return PrimitiveResult([self._run_pub(pub) for pub in pubs], metadata={"version": 2})

    def _run_pub(self, pub: EstimatorPub) -> PubResult:
        program = self._cache.program(pub.circuit)
        bindings = pub.parameter_values
        thetas = bindings.as_array(pub.circuit.parameters) if pub.circuit.num_parameters else np.empty((*bindings.shape, 0))
        observables = np.asarray(pub.observables)
        which = np.broadcast_to(np.arange(bindings.size).reshape(bindings.shape), pub.shape)
        operators = np.broadcast_to(observables, pub.shape)
        places: list[list[tuple[int, ...]]] = [[] for _ in range(bindings.size)]
        for index in np.ndindex(*pub.shape):
            places[which[index]].append(index)
        values = np.empty(pub.shape)
        with single_threaded(program.num_qubits):
            for theta, indices in zip(thetas.reshape(bindings.size, program.num_parameters), places, strict=True):
                state = program.state(theta)
                for index in indices:
                    values[index] = np.vdot(state, self._cache.observable(operators[index]).apply(state)).real
        data = DataBin(evs=values, stds=np.zeros(pub.shape), shape=pub.shape)
        return PubResult(data, metadata={"target_precision": pub.precision, "circuit_metadata": pub.circuit.metadata})


class AdjointEstimatorGradient(BaseEstimatorGradient):
    """An estimator of exact gradients of expectation values, for the algorithms of qiskit-algorithms.

    Parameters
    ----------
    derivative_type
        The real part (the gradient of the energy), the imaginary part, or both parts of ``2 <psi| O |d psi>``. In this place,
        where gradients of qiskit-algorithms take an estimator, an `AdjointEstimator` is also accepted; its cache is then shared.
    cache
        A cache. Share it with an `AdjointEstimator` to compile every circuit only once.

    Raises
    ------
    InputError
        If another estimator is given: the gradient is computed from the state and uses no estimator.
    """

    def __init__(
        self,
        derivative_type: DerivativeType | AdjointEstimator = DerivativeType.REAL,
        *,
        cache: ProgramCache | None = None,
    ) -> None:
        if isinstance(derivative_type, AdjointEstimator):
            cache, derivative_type = cache or derivative_type._cache, DerivativeType.REAL
        if not isinstance(derivative_type, DerivativeType):
            raise InputError(
                f"AdjointEstimatorGradient: {type(derivative_type).__name__} is not allowed; give a DerivativeType, an "
                "AdjointEstimator, or nothing: the gradient is computed exactly and uses no other estimator"
            )
        if cache is not None and not isinstance(cache, ProgramCache):
            raise InputError(f"AdjointEstimatorGradient: cache is {shown(cache)}; give a ProgramCache")
        self._cache = cache or ProgramCache()
        super().__init__(AdjointEstimator(cache=self._cache), derivative_type=derivative_type)

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        observables: Sequence[BaseOperator],
        parameter_values: Sequence[Sequence[float]],
        parameters: Sequence[Sequence[Parameter]],
        *,
        precision: float | Sequence[float] | None,
    ) -> EstimatorGradientResult:
        gradients, metadata = [], []
        for circuit, observable, values, selected in zip(circuits, observables, parameter_values, parameters, strict=True):
            place = {parameter: i for i, parameter in enumerate(circuit.parameters)}
            gradient = self._gradient(self._cache.program(circuit), self._cache.operator(observable), values)
            gradients.append(gradient[[place[parameter] for parameter in selected]])
            metadata.append({"parameters": selected, "derivative_type": self.derivative_type})
        return EstimatorGradientResult(gradients=gradients, metadata=metadata, precision=0.0)

    def _gradient(self, program: CircuitProgram, operator: PauliSum, values: Sequence[float]) -> NDArray[Any]:
        if self.derivative_type == DerivativeType.REAL:
            return program.energy_and_gradient(values, operator)[1]
        with single_threaded(program.num_qubits):
            state = program.state(values)
            gradient = 2.0 * (program.tangents(values) @ np.conjugate(operator.apply(state)))
        return gradient.imag if self.derivative_type == DerivativeType.IMAG else gradient
