"""A simulated city that drives the interceptor: ordinary people, scam campaigns, and what interception does to them."""
