"""Consent: what families and adults answered, the school's own rules, and what follows for a lesson."""
