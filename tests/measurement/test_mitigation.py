"""Mitigations as they are written, and which can be read from whose counts."""

import pytest

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation.mitigation import parse, readable
from qep_qiskit.measurement.mitigation.zne import ZeroNoise


@pytest.mark.parametrize("text", ["none", *MITIGATIONS, "zne", "zne+m3", "zne:exponential:two_qubit:1,3+trex", "zne:richardson"])
def test_written_circuits_are_read_and_written_the_same(text):
    assert str(parse(text)) == text


def test_order_and_defaults_do_not_matter():
    assert parse("tensored+zne:1,3,5:global:linear") == parse("zne+tensored")
    assert parse("none+zne") == parse("zne")
    assert parse("zne:1,3:exponential").zne == ZeroNoise("exponential", "global", (1, 3))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("tensord", "did you mean 'tensored'"),
        ("m3+trex", "allowed"),
        ("zne+zne", "allowed"),
        ("", "allowed"),
        (3, "allowed"),
        (None, "allowed"),
        ("zne:quadratic", "richardson"),
        ("zne:expnential", "did you mean 'exponential'"),
        ("zne:1,2,3", "odd numbers"),
        ("zne:3,5", "rise from 1"),
        ("zne:1", "two or more"),
        ("zne:1,1001", "99 at most"),
        ("zne:linear:richardson", "twice"),
        ("zne+clifford", "corrects the errors of gates twice; give 'clifford' alone"),
    ],
)
def test_invalid_options_give_one_line(text, hint):
    with pytest.raises(InputError, match=hint) as error:
        parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("measured", "word", "read"),
    [
        ("tensored", "m3", "m3"),
        ("m3", "none", "none"),
        ("trex", "none", "none"),
        ("clifford", "none", "none"),
        ("zne+tensored", "m3", "m3"),
        ("zne+tensored", "zne:exponential+m3", "zne:exponential+m3"),
        ("zne:1,3", "zne:richardson", "zne:richardson:1,3"),
        ("zne:1,3,5,7", "zne:1,7", "zne:1,7"),
    ],
)
def test_counts_can_be_read_in_other_ways(measured, word, read):
    assert str(readable(parse(measured), parse(word))) == read


@pytest.mark.parametrize(
    ("measured", "word", "why"),
    [
        ("none", "tensored", "needs calibration counts"),
        ("trex", "tensored", "behind random flips"),
        ("tensored", "trex", "without the random flips"),
        ("trex", "clifford", "'clifford' cannot be read from counts measured for 'trex'"),
        ("clifford", "trex", "'trex' cannot be read from counts measured for 'clifford'"),
        ("clifford", "m3", "'m3' cannot be read from counts measured for 'clifford'"),
        ("none", "clifford", "needs calibration counts"),
        ("tensored", "zne+tensored", "folded gates"),
        ("zne:1,3", "zne:1,5", "cannot be read"),
        ("zne", "zne:two_qubit", "cannot be read"),
    ],
)
def test_readings_that_the_counts_do_not_support_are_refused(measured, word, why):
    with pytest.raises(InputError, match=why):
        readable(parse(measured), parse(word))
