"""Audit: who watched what, and what arrived that should not have."""
