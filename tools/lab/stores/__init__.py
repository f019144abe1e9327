"""Stores of secrets to test against: AWS and Vault by what others have written, Doppler after its documentation."""
