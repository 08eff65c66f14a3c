"""The jobs of a run: sending, recovery after a crash and fetching (`courier`), and cancellation (`cancelling`).

`ownership` distinguishes a run's jobs from others; `rounds` turns circuits into jobs, and results into outcomes.
"""
