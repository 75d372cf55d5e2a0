"""Taking seats back: flag, notify, propose, approve, revoke, verify; and giving them."""
