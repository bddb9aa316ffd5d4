"""What to do: the engine that watches, forecasts, decides, acts and checks what came of it."""
