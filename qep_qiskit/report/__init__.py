"""Reports of results: tables on the terminal, figures, and self-contained HTML pages."""
