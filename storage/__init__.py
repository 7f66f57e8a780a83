"""Object stores by URL, and transfers between them and directories; nothing is read or written outside of either."""
