"""Entry point of ``python -m qep_qiskit.cli``."""

from qep_qiskit.cli.entry import main

if __name__ == "__main__":
    main()
