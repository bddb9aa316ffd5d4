"""The pure middle: what one cycle may know, and what follows from it."""
