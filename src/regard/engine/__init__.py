"""Where the tensors live: one engine a file, all behind the contract in `regard.search`."""
