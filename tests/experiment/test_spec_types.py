"""A spec takes the types that Python takes: whole numbers as 1e4, one site alone, lattices, labels; and files with a BOM."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.experiment import load
from qep_qiskit.kinds import MITIGATIONS


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("measurement.shots", "1e4", 10_000),
        ("measurement.calibration_shots", "2.0e3", 2000),
        ("training.epochs", "1e1", 10),
        ("training.batch_size", "4.0", 4),
        ("data.samples", "2e2", 200),
    ],
)
def test_whole_numbers_may_be_written_with_an_exponent(small_spec, key, value, expected):
    spec = load(small_spec, overrides=[(key, value)])
    section, name = key.split(".")
    number = getattr(getattr(spec, section), name)
    assert number == expected and type(number) is int
    assert load(small_spec, overrides=[("seed", 7.0)]).seed == 7
    again = small_spec.with_name("again.toml")
    again.write_text(spec.to_toml())
    assert load(again).measurement == spec.measurement


@pytest.mark.parametrize("value", ["1.5", "true", "'1e4'", "inf", "1e-3"])
def test_other_numbers_are_not_accepted_as_shots(small_spec, value):
    with pytest.raises(qep.InputError, match=r"measurement.shots: .* whole number"):
        load(small_spec, overrides=[("measurement.shots", value)])


def test_shots_with_an_exponent_give_the_same_gradient(small_spec):
    first, second = (
        json.loads(CliRunner().invoke(cli, ["gradient", str(small_spec), "--set", f"measurement.shots={shots}", "--json"]).stdout)
        for shots in ("1e3", "1000")
    )
    assert first["values"] == second["values"]


def test_one_site_alone_and_a_square_lattice(small_spec):
    text = small_spec.read_text().replace("[weights]\nJ = [0.9, 0.7]\nh = [0.1, -0.2, 0.3]\ng = [1.0, 0.8, 1.1]\n", "")
    text = text.replace(
        'sites = 3\nedges = "chain"\ninputs = [0]\noutputs = [2]',
        'edges = "square"\nrows = 2\ncolumns = 2.0\ninputs = 0\noutputs = 3',
    )
    small_spec.write_text(text)
    network = load(small_spec).problem().network
    assert network.names == qep.ising(edges="square", rows=2, columns=2, inputs=[0], outputs=[3]).names
    for key, value, word in [
        ("network.rows", "", "network.sites: missing.*takes rows and columns"),
        ("network.sites", "5", "network.sites: 5"),
        ("network.edges", "chain", "network.rows"),
        ("network.rows", "1e9", "network.rows"),
        ("network.rows", "1000", "at most 1000"),
    ]:
        with pytest.raises(qep.InputError, match=word):
            load(small_spec, overrides=[(key, value)]).problem()


def test_sites_of_a_chain_cannot_be_left_out(small_spec):
    with pytest.raises(qep.InputError, match=r"network.sites: missing"):
        load(small_spec, overrides=[("network.sites", "")]).problem()


def test_operators_of_a_pauli_network_may_be_labels(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        '[network]\nkind = "pauli"\nterms = {g = {XI = -1.0, IX = -1.0}, J = {ZZ = -1.0}}\ninputs = ["IZ"]\n'
        'outputs = ["ZI", {IZ = 1.0}]\n'
        '[cost]\nkind = "squared_error"\n[sample]\nx = [0.5]\ny = [1.0, 0.0]\n'
    )
    network = load(path).problem().network
    assert network.output_names == ("ZI", "IZ") and network.num_inputs == 1


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_spec_may_begin_with_a_byte_order_mark(small_spec, mark):
    plain = load(small_spec)
    small_spec.write_bytes(mark + small_spec.read_bytes())
    marked = load(small_spec)
    assert marked.tables == plain.tables
    np.testing.assert_array_equal(marked.problem().weights, plain.problem().weights)


def test_a_spec_in_another_encoding_is_refused(small_spec):
    small_spec.write_bytes(small_spec.read_text().encode("utf-16"))
    with pytest.raises(qep.InputError, match="UTF-8"):
        load(small_spec)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("training.optimizer", 3, 'one of "sgd", "momentum", "adam"'),
        ("training.schedule", 1, 'one of "constant", "linear"'),
        ("measurement.mitigation", 3, ", ".join(("none", *MITIGATIONS, "zne"))),
    ],
)
def test_a_name_of_the_wrong_type_is_refused_with_the_names_there_are(small_spec, key, value, allowed):
    with pytest.raises(qep.InputError, match=rf"^{key}: .*{value}.*{allowed}"):
        load(small_spec, overrides=[(key, value)])


def test_a_method_of_aer_of_the_wrong_type_is_refused_with_examples(small_spec):
    for name in ("aer", "fake_guadalupe"):
        with pytest.raises(qep.InputError, match=r"^device.method: 3 is not allowed; give one of Aer's methods, such as"):
            load(small_spec, overrides=[("device.name", name), ("device.method", 3)])


@pytest.mark.parametrize(
    ("terms", "place"),
    [
        ("a = 3", "a: 3 "),
        ("a = { ZZ = true }", "a.ZZ: true "),
        ("a = { ZZ = '3' }", 'a.ZZ: "3" '),
        ("a = { ZZ = nan }", "a.ZZ: nan "),
        ("a = { operator = { ZZ = [1] }, input = 0 }", r"a.operator.ZZ: \[1\] "),
        ("a = { operator = { ZZ = 1 }, input = 'x' }", 'a.input: "x" '),
        ("a = { operator = { ZZ = 1 }, input = true }", "a.input: true "),
    ],
)
def test_what_is_wrong_in_a_term_is_named_by_its_place_in_the_spec(tmp_path, terms, place):
    path = tmp_path / "spec.toml"
    network = '[network]\nkind = "pauli"\noutputs = ["ZI"]\ninputs = [{ IZ = 1 }]'
    path.write_text(f'{network}\n[network.terms]\n{terms}\n[cost]\nkind = "squared_error"\n')
    with pytest.raises(qep.InputError, match=rf"^network\.terms\.{place}is not allowed; give one table per weight"):
        load(path)


def test_a_network_without_qubits_has_no_ansatz(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(
        '[network]\nkind = "oscillators"\nsites = 3\noutputs = [2]\n[cost]\nkind = "squared_error"\n[sample]\ny = [1.0]\n'
        '[preparation]\nmethod = "vqe"\n'
    )
    with pytest.raises(qep.InputError, match="this network is in closed form"):
        load(path).ansatz()
