"""Readers of untrusted files, which check sizes first: documents, arrays and circuits."""
