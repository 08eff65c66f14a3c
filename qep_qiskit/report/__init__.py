"""Results for people: tables on the terminal, figures, and self-contained HTML pages."""
