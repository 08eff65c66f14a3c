"""IBM Quantum devices: the account (`account`), the device (`device`), and jobs as the service returns them (`jobs`)."""
