"""Qiskit's own backends and samplers as devices.

`backend_device` and `sampler_device` run circuits and wait; `provider` sends jobs and fetches them later. `results` and
`counts` check the results. `independence` ensures that no two calls use the same random numbers. `described` is a
backend that cannot run circuits.
"""
