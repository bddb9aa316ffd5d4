"""Forecasts on recorded loads, scored: what `edgeshift backtest` does."""
