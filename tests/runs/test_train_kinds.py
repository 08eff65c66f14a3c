"""Trainings of every kind through a run: stopped after each step and resumed, they end as if never stopped."""

import json

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.result import Result
from remote import FolderDevice

import qep_qiskit as qep
from qep_qiskit.devices import digests
from qep_qiskit.devices.backends.provider import provider_device
from qep_qiskit.runs.file.store import RunStore

pytestmark = pytest.mark.usefixtures("impatient")

X, Y = np.array([[-1.0], [0.2], [1.0]]), np.array([-1.0, 1.0, 1.0])
KINDS = {
    "trex": {"mitigation": "trex", "calibration_shots": 320},
    "m3, observable cost": {"mitigation": "m3", "cost": "squared_error_observable"},
    "clifford": {"mitigation": "clifford", "calibration_shots": 320, "preparer": qep.VQE(layers=1, starts=1)},
    "zne and tensored": {"mitigation": "zne+tensored", "preparer": qep.VQE(layers=1, starts=1)},
    "adiabatic, extrapolated": {"preparer": qep.Adiabatic(time=2.0, steps=4), "stencil": qep.extrapolated(0.3)},
    "warm VQE, one-sided": {"preparer": qep.VQE(ansatz="efficient_su2", layers=1, starts=1), "stencil": qep.one_sided(0.3)},
    "shots by the error bar": {"optimizer": "adaptive_shots"},
    "split": {"shots": qep.Split([[60, 0], [90, 40], [90, 40]]), "mitigation": "tensored", "validation": (X, Y)},
}


class Ended(BaseException):
    """The end of a process."""


def stop(step):
    raise Ended


def trained(device, run, **overrides):
    options = {
        "epochs": 1,
        "batch_size": 2,
        "learning_rate": 0.1,
        "seed": 3,
        "shots": 64,
        "stencil": qep.symmetric(0.3),
        **overrides,
    }
    return qep.train(qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1]), X, Y, device=device, run=run, **options)


def told(result):
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]
    return np.asarray(result.weights).tobytes(), history, list(result.epochs), result.shots


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_training_resumes(kind, tmp_path):
    (tmp_path / "jobs").mkdir()
    whole = trained(FolderDevice(tmp_path / "jobs"), tmp_path / "whole", **KINDS[kind])
    count = len(list((tmp_path / "jobs").glob("*.json")))
    for _ in whole.history:
        with pytest.raises(Ended):
            trained(FolderDevice(tmp_path / "jobs"), tmp_path / "run", on_step=stop, **KINDS[kind])
    assert told(trained(FolderDevice(tmp_path / "jobs"), tmp_path / "run", **KINDS[kind])) == told(whole)
    assert len(list((tmp_path / "jobs").glob("*.json"))) == 2 * count
    with RunStore.open(tmp_path / "run") as store:
        price, jobs = store.get("estimate", "training"), store.jobs()
        if kind != "shots by the error bar":
            rows = [(job.shots, len(pub.values)) for job in jobs for pub in job.pubs]
            # the last batch has one sample, not two
            assert price["jobs"] == len(jobs) and sum(n for _, n in rows) <= price["circuits"] <= 1.4 * sum(n for _, n in rows)


@pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties")
def test_a_provider_whose_jobs_are_fetched_by_another_process(tmp_path):
    class Kept:
        def __init__(self, path):
            self.path = path

        def job_id(self):
            return self.path.stem

        def status(self):
            return type("Status", (), {"name": "DONE"})

        def result(self):
            return Result.from_dict(json.loads(self.path.read_text()))

    class Provider(GenericBackendV2):
        def __init__(self):
            super().__init__(num_qubits=3, noise_info=False, seed=5)

        def run(self, circuits, **options):
            path = tmp_path / f"job{len(list(tmp_path.glob('job*.json')))}.json"
            path.write_text(json.dumps(super().run(circuits, seed_simulator=7, **options).result().to_dict(), default=str))
            return Kept(path)

        def retrieve_job(self, job_id):
            return Kept(tmp_path / f"{job_id}.json")

    whole = trained(provider_device(Provider()), tmp_path / "whole")
    count = len(list(tmp_path.glob("job*.json")))
    patch = pytest.MonkeyPatch()

    def end(name):
        if name == "submit step 2 job 1: id written":
            raise Ended

    with patch.context() as during:
        during.setattr("qep_qiskit.runs.jobs.courier.reached", end)
        with pytest.raises(Ended):
            trained(provider_device(Provider()), tmp_path / "run")
    assert told(trained(provider_device(Provider()), tmp_path / "run")) == told(whole)
    assert len(list(tmp_path.glob("job*.json"))) == 2 * count


def test_a_digest_knows_gates_qubits_angles_and_names():
    from qiskit.circuit import Parameter, QuantumCircuit

    from qep_qiskit.devices.remote import RunPub

    def circuit(*, name="theta", place=0, angle=0.3, gate="rx"):
        circuit = QuantumCircuit(2)
        getattr(circuit, gate)(Parameter(name) * 2 + angle, place)
        circuit.cx(0, 1)
        return circuit

    same = digests.of_circuit(circuit())
    assert same == digests.of_circuit(circuit(angle=0.3 + 1e-14))
    others = [circuit(name="phi"), circuit(place=1), circuit(angle=0.301), circuit(gate="ry")]
    assert len({same, *map(digests.of_circuit, others)}) == 5
    values = np.array([[0.5], [-1e-17]])
    one = digests.of_pubs([RunPub(circuit(), values)], 100)
    assert one == digests.of_pubs([RunPub(circuit(), np.abs(values))], 100)
    assert one != digests.of_pubs([RunPub(circuit(), values)], 101)
    assert one != digests.of_pubs([RunPub(circuit(), values[::-1])], 100)
