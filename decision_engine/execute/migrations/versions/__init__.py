"""One file per step of the journal's schema."""
