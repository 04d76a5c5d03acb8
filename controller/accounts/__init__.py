"""Accounts: who may sign in, how they are let in, and what each may do."""
