"""Files from strangers, measured before they are read as data: documents, arrays and circuits that fit into memory and time."""
