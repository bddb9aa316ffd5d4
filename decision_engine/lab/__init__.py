"""The whole thing on one machine, with real parts and a simulated fleet."""
