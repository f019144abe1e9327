"""The real backend of Vault's secrets engine KV version 2, behind a small front. Vault itself has no free licence."""
