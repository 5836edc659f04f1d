"""From a model folder to one file: calibration, shortlist, int8."""
