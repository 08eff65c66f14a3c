"""A run is resumed by the training that began it and by no other, whatever changed: files, circuits, functions, options."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import points
import pytest
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_algorithms.optimizers import COBYLA, SPSA

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.fingerprints import UnidentifiedError
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training import Adam
from qep_qiskit.training.life.identity import IDENTITY

pytestmark = pytest.mark.filterwarnings(
    "ignore::qep_qiskit.errors.NudgeWarning"
)  # the quality of the circuits does not matter here
X, Y = [[0.5], [-0.5]], [0.3, -0.3]
QASM = 'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput float[64] a_0;\ninput float[64] a_1;\nqubit[2] q;\nry(a_0) q[0];\n'


class Stopped(Exception):
    pass


def stop(step):
    raise Stopped


def trained(run, *, on_step=None, network=None, **options):
    settings = {"epochs": 3, "batch_size": 2, "learning_rate": 0.1, **options}
    net = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1]) if network is None else network
    return qep.train(net, X, Y, run=run, on_step=on_step, **settings)


def circuit(gate):
    circuit = QuantumCircuit(2, name="the same name")
    angles = ParameterVector("t", 2)
    getattr(circuit, gate)(angles[0], 0)
    circuit.ry(angles[1], 1)
    return circuit


def noise(rate):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(rate, 2), "cx")
    return model


def pauli(coefficient=-1.0, output="IZ"):
    return qep.pauli(
        terms={"g": {"XI": coefficient, "IX": -1.0}},
        fixed={"ZZ": -1.0, "IZ": 0.1},
        inputs=[{"ZI": -1.0}],
        outputs=[{output: 1.0}],
    )


def vqe(**options):
    return {"preparer": qep.VQE(layers=1, starts=1, tolerance=1e-2, **options)}


def measured(device):
    return {"device": device, "shots": 50, "preparer": qep.Adiabatic(time=2, steps=12)}


def falling(rate):
    return lambda step, total: 1.0 - rate * step / total


CHANGES = {
    "circuit of the same name": lambda k: vqe(ansatz=circuit(("ry", "rx")[k])),
    "rates of a noise model": lambda k: measured(qep.aer(noise=noise((0.01, 0.3)[k]))),
    "method of a device": lambda k: measured(qep.aer(method=("statevector", "density_matrix")[k])),
    "cost function": lambda k: {"cost": (lambda y: qep.SquaredError(y), lambda y: qep.SquaredError(-y))[k]},
    "numbers of a cost": lambda k: {"cost": qep.SquaredError([(0.1, 0.2)[k]])},
    "loss": lambda k: {"cost": qep.ExpectationCost((lambda v: v @ v, lambda v: v @ v / 2)[k], lambda v: 2 * v)},
    "schedule": lambda k: {"schedule": falling((0.5, 0.6)[k])},
    "iterations of a preparer": lambda k: vqe(max_iterations=(2000, 7)[k]),
    "options of a preparer's optimizer": lambda k: vqe(optimizer=SPSA(maxiter=(3, 4)[k])),
    "other options of it": lambda k: vqe(optimizer=COBYLA(rhobeg=(1.0, 0.5)[k], maxiter=9)),
    "options of the optimizer": lambda k: {"optimizer": Adam(epsilon=(1e-8, 1e-6)[k])},
    "coefficient of a network": lambda k: {"network": pauli((-1.0, -1.1)[k])},
    "output of a network": lambda k: {"network": pauli(output=("IZ", "ZI")[k])},
    "tolerance": lambda k: {"preparer": qep.Exact(tolerance=(1e-10, 1e-9)[k])},
    "mean field": lambda k: {"preparer": qep.MeanField(max_iterations=(100, 90)[k])},
    "initial field": lambda k: {"preparer": qep.Adiabatic(time=2, steps=12, initial={"XI": -1.0, "IX": (-1.0, -1.2)[k]})},
    "first weights": lambda k: {"weights": np.full(5, (0.5, 0.6)[k])},
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_training_is_refused_and_the_same_one_resumes(case, tmp_path):
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop, **CHANGES[case](0))
    with pytest.raises(
        InputError, match=r"holds another training \(.*(changed since it began| is .*, not ).*\); give another"
    ) as caught:
        trained(tmp_path / "run", **CHANGES[case](1))
    assert "\n" not in str(caught.value) and " 0x" not in str(caught.value)
    assert len(trained(tmp_path / "run", **CHANGES[case](0)).history) == 3


def test_the_changed_option_is_named(tmp_path):
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop, **vqe(max_iterations=2000))
    with pytest.raises(InputError, match=r"\(its preparer\.max_iterations is 2000, not 7\)"):
        trained(tmp_path / "run", **vqe(max_iterations=7))


def test_an_ansatz_file_that_was_edited_is_named_and_may_be_put_back(tmp_path):
    path = tmp_path / "ansatz.qasm"
    one, other = QASM + "ry(a_1) q[1];\ncx q[0], q[1];\n", QASM + "rx(a_1) q[1];\ncx q[0], q[1];\n"
    path.write_text(one)
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop, **vqe(ansatz=path))
    path.write_text(other)
    with pytest.raises(InputError, match=r"holds another training \(the file ansatz\.qasm changed since it began\)"):
        trained(tmp_path / "run", **vqe(ansatz=path))
    path.write_text(one)
    moved = path.rename(tmp_path / "moved.qasm").rename(tmp_path / "ansatz.qasm")
    assert len(trained(tmp_path / "run", **vqe(ansatz=str(moved))).history) == 3


def test_a_function_that_cannot_be_identified_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "scale.txt"
    path.write_text("2")

    def cost(y):
        with open(path) as stream:
            return qep.SquaredError(float(stream.read()) * y)

    with pytest.raises(UnidentifiedError, match=r"^cost: .* calls open\(\).* name the function .*qep\.named\('"):
        trained(tmp_path / "run", cost=cost)
    assert not (tmp_path / "run").exists()
    assert len(trained(None, cost=cost).history) == 3
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop, cost=qep.named("twice y", cost))
    with pytest.raises(InputError, match="its cost changed since it began"):
        trained(tmp_path / "run", cost=qep.named("thrice y", cost))
    assert len(trained(tmp_path / "run", cost=qep.named("twice y", cost)).history) == 3


SCRIPT = """
import sys, numpy as np, qep_qiskit as qep
network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
target = float(sys.argv[2])
cost = qep.ExpectationCost(loss=lambda v: float((v[0] - target) ** 2), gradient=lambda v: 2 * (v - target))
result = qep.train(network, [[0.5], [-0.5]], cost=cost, epochs=3, batch_size=2, run=sys.argv[1])
print(result.settings["cost"], len(result.history), np.asarray(result.weights).tolist())
"""


def test_functions_of_the_user_resume_in_a_new_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(folder, target="0.2", kill="", **overrides):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **overrides}
        command = [sys.executable, points.HERE, kill, str(script), str(tmp_path / folder), target]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert run("run", kill="step 1: kept", PYTHONHASHSEED="1").returncode == -signal.SIGKILL
    assert "its cost.loss changed since it began" in run("run", "0.3").stderr
    resumed = run("run", PYTHONHASHSEED="2")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == run("whole").stdout and "0x" not in resumed.stdout


def older(folder, **changes):
    """Make a run look as one that was begun before runs kept identities."""
    with RunStore.open(folder, write=True) as store:
        store.put("training", IDENTITY, None)
        store.put("training", "settings", {**store.get("training", "settings"), **changes})


def test_a_run_of_an_older_version_resumes_if_its_record_agrees(tmp_path):
    cost = qep.ExpectationCost(lambda v: float(v @ v), lambda v: 2 * v)
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop, cost=cost)
    with RunStore.open(tmp_path / "run") as store:
        title = store.get("training", "settings")["cost"]
    assert " at 0x" not in title
    older(tmp_path / "run", cost=title.replace(">", " at 0x7f2a7bdc>"))
    with pytest.raises(InputError, match="its cost is"):
        trained(tmp_path / "run", cost="squared_error")
    with pytest.raises(InputError, match=r"its learning_rate is 0\.1, not 0\.2"):
        trained(tmp_path / "run", cost=cost, learning_rate=0.2)
    assert len(trained(tmp_path / "run", cost=cost).history) == 3
    with pytest.raises(InputError, match=r"its cost\.loss changed"):
        trained(tmp_path / "run", cost=qep.ExpectationCost(lambda v: float(v @ v) / 2, lambda v: 2 * v))


@pytest.mark.parametrize("option", ["mitigation", "cost"])
def test_a_run_whose_identity_was_written_otherwise_resumes(option, tmp_path):
    """Earlier versions stored a mitigation in its user's order, and a cross entropy with the code of its functions."""
    entropy = {"cost": qep.softmax_cross_entropy(0, scale=2.0), "network": qep.ising(sites=3, inputs=[0], outputs=[1, 2])}
    options, entries = {
        "mitigation": ({**measured(qep.simulator()), "mitigation": "tensored+zne:1,3"}, {"mitigation": "'tensored+zne:1,3'"}),
        "cost": (entropy, {f"cost.{name}": "0123456789abcdef" * 4 for name in ("loss", "gradient", "hessian")}),
    }[option]
    whole = np.asarray(trained(None, **options).weights)
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop, **options)
    with RunStore.open(tmp_path / "run", write=True) as store:
        store.put("training", IDENTITY, {**store.get("training", IDENTITY), **entries})
    others = {"mitigation": {**options, "mitigation": "tensored"}, "cost": {**options, "cost": qep.softmax_cross_entropy(0)}}
    with pytest.raises(InputError, match=r"its (mitigation|cost\.scale) is .*, not"):
        trained(tmp_path / "run", **others[option])
    np.testing.assert_array_equal(np.asarray(trained(tmp_path / "run", **options).weights), whole)


def test_other_data_than_an_older_run_kept_are_refused(tmp_path):
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop)
    older(tmp_path / "run")
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    with pytest.raises(InputError, match="its data X changed since it began"):
        qep.train(network, [[0.5], [-0.4]], Y, run=tmp_path / "run", epochs=3, batch_size=2, learning_rate=0.1)


def test_other_versions_are_reported_and_do_not_strand_a_run(tmp_path):
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop)
    with RunStore.open(tmp_path / "run", write=True) as store:
        settings = store.get("training", "settings")
        store.put("training", "settings", {**settings, "versions": {**settings["versions"], "qiskit": "1.0.0"}})
    assert len(trained(tmp_path / "run").history) == 3
    with RunStore.open(tmp_path / "run") as store:
        assert any("began with other versions: qiskit 1.0.0 is now" in event.text for event in store.events())


def test_a_circuit_that_was_changed_is_another_ansatz():
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
    angles, circuit = ParameterVector("t", 4), QuantumCircuit(2)
    circuit.ry(angles[0], 0)
    qep.gradient(problem, preparer=qep.VQE(ansatz=circuit, starts=1), seed=1)
    circuit.ry(angles[1], 1)
    circuit.cx(0, 1)
    circuit.ry(angles[2], 0)
    circuit.ry(angles[3], 1)
    values, copied = (
        qep.gradient(problem, preparer=qep.VQE(ansatz=a, starts=1), seed=1).values for a in (circuit, circuit.copy())
    )
    np.testing.assert_array_equal(values, copied)
    assert np.abs(values).min() > 1e-3


@pytest.mark.parametrize("change", ["gate", "angle", "phase"])
def test_a_file_that_was_changed_within_the_clock_is_another_ansatz(change, tmp_path):
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
    path = Path(tmp_path / "a.qasm")
    ends = {"gate": ("ry(a_1) q[1];", "rx(a_1) q[1];"), "angle": ("rz(0.1) q[1];", "rz(0.9) q[1];")}
    one, other = ends.get(change, ("rx(0.1 + a_1) q[1];", "rx(0.3 - a_1) q[1];"))
    end = "\ncx q[0], q[1];\nry(a_0) q[1];\n"
    circuits = []
    for text in (one, other):
        path.write_text(QASM + text + end)
        os.utime(path, ns=(1, 1))
        preparer = qep.VQE(ansatz=path, starts=1, tolerance=1.0)
        circuits.append(qep.gradient(problem, preparer=preparer, seed=1).free.circuits()[0].circuit)
    assert circuits[0] != circuits[1]


def test_parameters_are_not_confused(tmp_path):
    a = Parameter("a")
    circuits = []
    for factor in (1.0, 2.0):
        circuit = QuantumCircuit(2)
        circuit.ry(factor * a, 0)
        circuits.append(circuit)
    with pytest.raises(Stopped):
        trained(tmp_path / "run", on_step=stop, **vqe(ansatz=circuits[0]))
    with pytest.raises(InputError, match=r"its preparer\.ansatz changed"):
        trained(tmp_path / "run", **vqe(ansatz=circuits[1]))
