"""The project: a helpdesk."""
