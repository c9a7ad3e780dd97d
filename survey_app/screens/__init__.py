"""What people see: one file per screen, no arithmetic."""
