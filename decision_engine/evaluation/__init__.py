"""The same middle in virtual time, on the simulated plant."""
