"""Fast exact arithmetic: products H·v, ground states, responses and circuit gradients."""
