"""What a person reads of an error budget: a table on the terminal, one figure, one self-contained HTML page."""
