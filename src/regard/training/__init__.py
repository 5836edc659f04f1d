"""Training: prepare text, update the weights, validate, save and resume; fine-tuning too."""
