"""The life of a training that is kept: checkpoints, jobs on a device, prices, identity, Ctrl-C."""
