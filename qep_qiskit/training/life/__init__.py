"""The life of a stored training: checkpoints, jobs on a device, prices, identity, and Ctrl-C."""
