"""What must survive: the ledger (database) and the archive (files)."""
