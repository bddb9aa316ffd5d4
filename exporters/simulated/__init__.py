"""An imaginary fleet: a pure plant, served as real scrape targets, with a control port."""
