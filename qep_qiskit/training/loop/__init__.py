"""The training loop: a task, a generator of its steps, and the sources of its gradients."""
