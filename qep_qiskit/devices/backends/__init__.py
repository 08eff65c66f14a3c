"""Qiskit's own backends and samplers as devices.

`backend_device` and `sampler_device` run circuits at once, `provider` sends jobs and asks for them later. `results` and `counts`
check whatever comes back; `independence` sees to it that two calls never share their random numbers.
"""
