"""Networks as graphs: places of sites, the SVG element, and the axes of figures."""

import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
import rustworkx as rx

import qep_qiskit as qep
from qep_qiskit.drawing.graph_svg import graph_svg
from qep_qiskit.drawing.sketch import sketch_of
from qep_qiskit.networks.sketch import network_sketch

XOR = [(i, j) for i in range(6) for j in range(max(i + 1, 2), 6)]
NETWORKS = {
    "two": lambda: qep.ising(sites=2, inputs=[1], outputs=[1]),
    "chain": lambda: qep.ising(sites=6, inputs=[0, 1], outputs=[5]),
    "long chain": lambda: qep.ising(sites=40, inputs=[0], outputs=[39]),
    "ring": lambda: qep.ising(sites=8, edges="ring", inputs=[0], outputs=[4]),
    "complete": lambda: qep.ising(sites=5, edges="complete", inputs=[0], outputs=[4]),
    "square": lambda: qep.ising(edges="square", rows=3, columns=4, inputs=[0], outputs=[11]),
    "heavy-hex": lambda: qep.ising(sites=65, edges="heavy-hex", inputs=[0], outputs=[64]),
    "clamped": lambda: qep.ising(sites=6, edges=XOR, inputs=[0, 1], outputs=[5], clamp=True),
    "random": lambda: qep.ising(edges=rx.undirected_gnp_random_graph(14, 0.3, seed=5), inputs=[0], outputs=[3]),
    "two parts": lambda: qep.ising(sites=5, edges=[(0, 1), (2, 3), (3, 4), (2, 4)], outputs=[1]),
    "oscillators": lambda: qep.oscillators(sites=3, inputs=[0], outputs=[2]),
    "pauli": lambda: qep.pauli(terms={"a": "XXI", "b": {"IZZ": -1}, "g": {"XII": 1, "IXI": 1}}, inputs=["IIZ"], outputs=["ZII"]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_sites_stand_apart_and_neighbours_close(name):
    sketch = network_sketch(NETWORKS[name]())
    spots = np.array([sketch.places[site] for site in sketch.sites])
    apart = np.linalg.norm(spots[:, None] - spots, axis=2) + 9 * np.eye(len(spots))
    assert np.isfinite(spots).all() and apart.min() > 0.3
    if name not in ("complete", "clamped", "random"):
        lengths = [np.hypot(*np.subtract(sketch.places[i], sketch.places[j])) for i, j in sketch.edges]
        assert min(lengths) > 0.4 and max(lengths) < 2.1 * np.median(lengths)


def test_a_lattice_is_a_lattice_and_inputs_are_on_the_left():
    square, clamped = (network_sketch(NETWORKS[name]()) for name in ("square", "clamped"))
    assert square.places[0] == (0.0, 0.0) and square.places[11] == (3.0, -2.0)
    others = [clamped.places[site][0] for site in range(2, 6)]
    assert max(clamped.places[0][0], clamped.places[1][0]) < min(others)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_svg_holds_every_site_and_edge(name):
    network = NETWORKS[name]()
    weights = network.initial_weights(seed=1)
    sketch = network_sketch(network, weights)
    tree = ElementTree.fromstring(graph_svg(sketch))
    titles = [title.text for title in tree.iter("title")]
    assert len(titles) == len(sketch.sites) + len(sketch.edges)
    for pair, weight in sketch.edges.items():
        assert f"{weight} = {weights[weight]:.4g}" in titles, pair
    assert float(tree.get("width")) <= 640 and float(tree.get("height")) <= 420
    squares = [rect for group in tree.iter("g") for rect in group.iter("rect")]
    assert len(squares) == len(sketch.clamped)


def test_names_in_a_graph_are_text():
    sketch = sketch_of(["J[0,1]"], {"inputs": [0], "outputs": "<b>"}, {"J[0,1]": -1.0})
    assert "<b>" not in graph_svg(sketch) and sketch.outputs == ()
    network = qep.pauli(terms={"<img src=x>": "XX"}, outputs=["ZI"])
    assert "<img" not in graph_svg(network_sketch(network))


def test_a_network_without_pairs_has_no_graph():
    network = qep.pauli(terms={"a": "X", "b": "Z"}, outputs=["Z"])
    assert network_sketch(network) is None and "<svg" not in network._repr_html_()
    with pytest.raises(qep.InputError, match="couples two sites"):
        network.plot()


@pytest.mark.parametrize("name", ["chain", "clamped", "heavy-hex"])
def test_plots_of_networks_colour_edges_by_sign(name):
    network = NETWORKS[name]()
    weights = network.initial_weights(seed=1)
    _, ax = plt.subplots()
    assert network.plot(ax, weights=weights) is ax
    edges = network_sketch(network).edges
    colours = [line.get_color() for line in ax.lines if len(line.get_xdata()) == 2]
    assert colours.count("#D55E00") == sum(weights[edge] < 0 for edge in edges.values())
    assert len(colours) == len(edges)
    plt.close("all")


def test_the_dots_of_a_chain_are_not_cut():
    axes = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3]).plot()
    [site] = [line for line in axes.lines if line.get_marker() == "o" and line.get_xdata()[0] == 0]
    inch = axes.transData.transform([(0.0, 0.0), (0.0, 1.0)])[:, 1] @ (-1, 1) / axes.figure.dpi
    low, high = axes.get_ylim()
    assert (high - low) * inch > site.get_markersize() / 72
