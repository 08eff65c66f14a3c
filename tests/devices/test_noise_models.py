"""Every entry of a noise model acts as in plain Aer on the circuit as Qiskit transpiles it, or is refused."""

import logging

import numpy as np
import pytest
from device_contract import frequencies
from random_noise import BASES, Case

import qep_qiskit as qep
from qep_qiskit.devices.device import Work
from qep_qiskit.errors import InputError

SIGMAS = 4.5


@pytest.fixture(autouse=True)
def _quiet():
    """Aer logs a line for every error that replaces another one."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def check(seed, shots):
    """Hold both engines to plain Aer; return the names of those that refused."""
    case, refused = Case(seed), []
    right = case.reference()
    for make in (qep.aer, qep.simulator):
        device = make(noise=case.model, seed=seed)
        try:
            work = Work(device.compile(case.circuit), case.axes, case.values)
            (exact,), (samples,) = device.distribution([work]), device.sample([work], shots=shots, seed=seed)
        except InputError as error:
            assert "qep.aer" in str(error) and "\n" not in str(error)
            refused.append(device.name)
            continue
        np.testing.assert_allclose([frequencies(s) for s in exact], right, rtol=0, atol=1e-9)
        scatter = np.sqrt(right * (1 - right) / shots)
        assert np.all(np.abs([frequencies(s) for s in samples] - right) < SIGMAS * scatter + 5 / shots)
    assert refused == (["simulator"] if case.beyond_the_simulator else [])
    return refused


@pytest.mark.parametrize("seed", range(len(BASES)))
def test_random_models_over_every_kind_of_basis(seed):
    check(seed, 4000)


@pytest.mark.slow
def test_two_hundred_random_models():
    refused = [check(seed, 20_000) for seed in range(100, 300)]
    assert sum(map(len, refused)) < 20


def test_the_reference_feels_every_part_of_the_noise():
    """The cases would notice noise that is left out."""
    felt = {"slow": 0, "measure": 0, "unitary": 0, "ccx": 0, "readout": 0}
    matrices, three = (range(kind, 8 * len(BASES), len(BASES)) for kind in (14, 13))
    for seed in (*range(6), *matrices, *three):
        case = Case(seed)
        whole = case.reference()
        for name in ("slow", "measure", "unitary", "ccx"):
            had = case.model._default_quantum_errors.pop(name, None), case.model._local_quantum_errors.pop(name, None)
            if had != (None, None):
                felt[name] += bool(np.abs(case.reference() - whole).max() > 1e-3)
            for removed, errors in zip(had, (case.model._default_quantum_errors, case.model._local_quantum_errors), strict=True):
                if removed is not None:
                    errors[name] = removed
        case.model._default_readout_error = None
        felt["readout"] += bool(np.abs(case.reference() - whole).max() > 1e-3)
    assert all(felt.values()), felt
