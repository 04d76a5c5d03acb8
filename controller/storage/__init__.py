"""The storage identity: what seals the key store, how it rotates, and by when copies open nothing."""
