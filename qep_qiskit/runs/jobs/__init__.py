"""The jobs of a run: sent by tag, found again after a crash, fetched once (`courier`), cancelled (`cancelling`).

`ownership` tells a run's own jobs from others, `rounds` turns circuits into jobs and results into outcomes.
"""
