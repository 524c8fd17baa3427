"""Early warning: four tiers, officers and cars, escalation."""
