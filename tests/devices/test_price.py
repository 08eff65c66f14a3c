"""Prices in a provider's own unit: in the plan, in the confirmation and in the run by one formula."""

import pytest
from qiskit.providers.fake_provider import GenericBackendV2

import qep_qiskit as qep
from qep_qiskit import runs
from qep_qiskit.devices import Tariff
from qep_qiskit.devices.price import IBM, Price, tariff_of
from qep_qiskit.errors import InputError
from qep_qiskit.experiment.loading import validated
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.verbs import remote

SPEC = {
    "seed": 7,
    "network": {"kind": "ising", "sites": 3, "outputs": [2]},
    "cost": {"kind": "squared_error"},
    "sample": {"y": [1.0]},
    "stencil": {"beta": 0.2},
    "preparation": {"method": "vqe", "layers": 1},
    "measurement": {"shots": 400, "mitigation": "tensored"},
    "device": {"name": "ibm_torino"},
}


def backend_with(tariff=None):
    backend = GenericBackendV2(4, coupling_map=[[0, 1], [1, 2], [2, 3], [1, 0], [2, 1], [3, 2]], seed=1)
    if tariff is not None:
        backend.tariff = tariff
    return backend


@pytest.mark.parametrize(
    ("tariff", "words"),
    [(Tariff("USD", job=1.0, circuit=0.3, shot=0.00035), "USD"), (Tariff("credits", second=2.5), "credits"), (None, "not known")],
)
def test_a_run_asks_the_price_that_the_plan_prints(tariff, words, tmp_path):
    spec, backend = validated(SPEC), backend_with(tariff)
    price = qep.forecast(spec.problem(), **{**spec.settings(), "device": backend}).sending.price
    assert words in str(price) and price.tariff == tariff
    run, asked = tmp_path / "run", []

    def confirm(plan, store):
        asked.append(store.get("asked", str(plan.round)))

    device = remote(backend)
    runs.submit(spec, device=device, run=run, confirm=confirm)
    while runs.collect(run, device=device, confirm=confirm) is None:
        pass
    assert len(asked) == 2 and all(words in entry["price"] for entry in asked)
    if tariff is not None:
        with RunStore.open(run) as store:
            estimates = [store.get("estimate", number) for number in store.all("estimate")]
        assert {entry["unit"] for entry in estimates} == {tariff.unit}
        assert sum(entry["amount"] for entry in estimates) == pytest.approx(price.amount, rel=1e-6)


def test_amounts_add_up_and_scale():
    tariff = Tariff("USD", job=1.0, circuit=0.5, shot=0.01, second=3.0)
    one = Price(1, 2, 100, 2.0 + 1.5, tariff)
    assert one.amount == pytest.approx(1.0 + 1.0 + 1.0 + 4.5)
    assert (one + one).amount == pytest.approx(2 * one.amount) == one.times(2).amount
    assert sum([one, one], Price()).amount == pytest.approx(2 * one.amount)
    assert (one + Price(1, 1, 1, 1.0)).amount is None
    assert Price(1, 1, 10, None, tariff).amount is None and "not known" in str(Price(1, 1, 10, None, tariff))
    assert str(Price(1, 1, 10, 12.0, IBM)) == "about 12 QPU seconds"


def test_tariffs_of_devices():
    assert tariff_of(qep.ibm("ibm_torino")) == tariff_of(qep.fake("torino")) == IBM
    assert tariff_of(qep.aer()) is None and tariff_of(qep.statevector()) is None
    with pytest.raises(InputError, match="tariff"):
        tariff_of(backend_with("0.3 USD"))
    with pytest.raises(InputError, match="tariff"):
        Tariff("USD", shot=-1.0)
