"""Local expectations of shallow circuits of any size, each from the part of the circuit that it depends on."""
