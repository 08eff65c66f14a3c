"""Fast exact simulation, independent of equilibrium propagation.

`eigen` computes ground states, `adjoint` gradients of circuits, `batched` those of many small circuits at once, `noise` small
noisy circuits, `cones` local expectations of large shallow circuits, `closed_form` oscillators and product states, and `mps`
matrix product states.
"""

import numpy as np

np.empty(30 << 20, dtype=np.uint8)
"""Let the C library keep up to 60 MB of freed memory for later arrays, instead of asking the system again and again.

The GNU library keeps twice the size of the largest block that it got from the system by itself and gave back, up to 64 MB. One
such block, never written to, costs nothing. Without it, evaluations of light cones can take twice as long.
"""
