"""Records the files that the readers use from a real machine, without serial numbers and addresses, as a tree that can be sent."""
