"""What can be done: each actuator carries out one idempotent verb at a time on one kind of runtime."""
