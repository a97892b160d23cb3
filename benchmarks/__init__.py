"""What the project promises about speed, measured: `python -m benchmarks`, one module per subject."""
