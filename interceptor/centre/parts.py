"""All systems of the centre that keep tables.

Enters: nothing. Leaves: their Parts, for Book. Invariant: a system knows its own tables; nobody else writes to them.
"""

from __future__ import annotations

from interceptor.centre import marks, orders
from interceptor.centre.book import Part
from interceptor.centre.bulletin import tables as bulletin
from interceptor.centre.cards import tables as cards
from interceptor.centre.cases import tables as cases
from interceptor.centre.citizens import tables as citizens
from interceptor.centre.hotspots import tables as hotspots
from interceptor.centre.money import tables as money
from interceptor.centre.sites import tables as sites
from interceptor.centre.warnings import tables as warnings

PARTS = (
    Part("marks", marks.MIGRATIONS),
    Part("orders", orders.MIGRATIONS),
    Part("sites", sites.MIGRATIONS),
    Part("warnings", warnings.MIGRATIONS),
    Part("money", money.MIGRATIONS),
    Part("cases", cases.MIGRATIONS),
    Part("cards", cards.MIGRATIONS),
    Part("hotspots", hotspots.MIGRATIONS),
    Part("citizens", citizens.MIGRATIONS),
    Part("bulletin", bulletin.MIGRATIONS),
)
