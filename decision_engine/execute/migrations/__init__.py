"""The journal's schema, step by step; every step that was ever released stays as it was."""
