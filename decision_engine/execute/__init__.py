"""Orders going out and what came of them: dispatcher, journal, recorder, verification."""
