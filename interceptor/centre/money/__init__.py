"""Stop-payment and freeze: requests, matching, stops, freezes, money given back."""
