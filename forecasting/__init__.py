"""What comes next: load forecasts and probabilities of overload, as pure numbers for a whole fleet at once."""
