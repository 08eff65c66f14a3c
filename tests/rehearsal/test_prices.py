"""The price that a forecast foresees, that a run asks for, and that the mock service bills: all the same."""

import time

import pytest

import qep_qiskit as qep
from qep_qiskit.experiment import load
from qep_qiskit.rehearsal.machine import Machine
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle

SPEC = """seed = 7
network = {kind = "ising", sites = 2, edges = "chain", inputs = [0], outputs = [1]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
stencil = {kind = "symmetric", beta = 0.3}
preparation = {method = "METHOD"}
measurement = {shots = 400, calibration_shots = 100, mitigation = "MITIGATION"}
device = {name = "ibm_lagos"}
"""


@pytest.mark.parametrize(
    ("mitigation", "method", "jobs"),
    [
        ("tensored", "exact", 3),
        pytest.param("zne:1,3+trex", "exact", 3, marks=pytest.mark.slow),
        pytest.param("clifford", "vqe", 4, marks=pytest.mark.slow),
    ],
)
def test_forecast_question_and_bill_agree(mitigation, method, jobs, tmp_path, mock_service):
    server = mock_service(noise="none")
    (tmp_path / "g.toml").write_text(SPEC.replace("MITIGATION", mitigation).replace("METHOD", method))
    spec = load(tmp_path / "g.toml")
    foreseen = qep.forecast(spec.problem(), **spec.settings()).sending
    with RunStore.create(tmp_path / "run", spec.to_toml(), description={"id": "qep-price", "device": "ibm_lagos"}) as store:
        life = Lifecycle(store, spec, spec.device())
        price = life.price()
        while life.advance() is None:
            time.sleep(0.05)
        asked = [store.get("estimate", number) for number in "01"]
    ledger = server.service.ledger()
    assert foreseen.jobs == price.jobs == sum(entry["jobs"] for entry in asked) == len(ledger["jobs"]) == jobs
    assert foreseen.circuits == price.circuits == sum(entry["circuits"] for entry in asked)
    assert foreseen.shots == price.shots == sum(entry["shots"] for entry in asked)
    assert foreseen.seconds == pytest.approx(price.seconds, rel=1e-6)
    assert sum(entry["qpu_seconds"] for entry in asked) == pytest.approx(price.seconds, rel=1e-6)
    assert [entry["repetition_delay"] for entry in asked] == [foreseen.repetition_delay] * 2
    assert ledger["seconds"] == pytest.approx(price.seconds, abs=0.001 * len(ledger["jobs"]))


@pytest.mark.parametrize(
    ("device", "shots", "most"),
    [
        ("measure_twirling = true", 65, None),  # 2 × 64 are run
        pytest.param("gate_twirling = true, measure_twirling = true", 500, None, marks=pytest.mark.slow),
        ("", 500, 200),  # in three jobs per round
        pytest.param("measure_twirling = true", 500, 200, marks=pytest.mark.slow),
    ],
)
def test_rounded_or_divided_shots_have_the_price_that_is_billed(device, shots, most, tmp_path, mock_service, monkeypatch):
    server, configuration = mock_service(noise="none"), Machine.configuration
    if most is not None:
        monkeypatch.setattr(Machine, "configuration", lambda machine: {**configuration(machine), "max_shots": most})
    text = SPEC.replace("MITIGATION", "none").replace("METHOD", "exact").replace("shots = 400", f"shots = {shots}")
    (tmp_path / "g.toml").write_text(text.replace('"ibm_lagos"}', f'"ibm_lagos", {device}}}' if device else '"ibm_lagos"}'))
    spec = load(tmp_path / "g.toml")
    foreseen = qep.forecast(spec.problem(), **spec.settings()).sending.price
    with RunStore.create(tmp_path / "run", spec.to_toml(), description={"id": "qep-price", "device": "ibm_lagos"}) as store:
        life = Lifecycle(store, spec, spec.device())
        while life.advance() is None:
            time.sleep(0.05)
        asked = [store.get("estimate", number) for number in "01"]
    ledger = server.service.ledger()
    assert foreseen.jobs == sum(entry["jobs"] for entry in asked) == len(ledger["jobs"]) == (2 if most is None else 6)
    assert (foreseen.circuits, foreseen.shots) == tuple(sum(entry[key] for entry in asked) for key in ("circuits", "shots"))
    assert sum(entry["qpu_seconds"] for entry in asked) == pytest.approx(foreseen.seconds, rel=1e-6)
    assert ledger["seconds"] == pytest.approx(foreseen.seconds, abs=0.001 * len(ledger["jobs"]))
