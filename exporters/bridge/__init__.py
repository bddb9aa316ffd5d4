"""What the field posts today, taken as it is and turned into metrics of known devices."""
