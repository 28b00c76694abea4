"""Pictures, animations and folders: what the host reads and writes of them."""
