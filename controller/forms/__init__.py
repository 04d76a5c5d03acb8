"""Paper: consent forms and notices made of the live settings, their codes, entering them, and who has not answered."""
