"""The app: tickets of customers, which are answered in the admin."""
