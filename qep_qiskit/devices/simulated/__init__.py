"""Devices simulated on this machine.

`named` has the devices that users name: `simulator` runs circuits on this package's own exact engine, `aer` on qiskit-aer, and
`fake` on either engine with a snapshot of a real device. `device` compiles circuits and chooses an engine (`exact_engine`,
`aer_engine`). `noise` and `noise_notes` describe the noise.
"""
