"""Which share of what was collected the body keeps, and how it is rounded. Pure.

What is kept of each paid line is rounded down to whole đồng, and the rest is paid in to the state
budget: kept + paid in is what was collected, to the đồng, of a line, a day and a year alike. What
is given back takes back the same share, rounded towards zero in the same way, so that a line that
is given back whole leaves nothing on either side.
"""

from typing import Final

from payments.catalogue.rules.natures import FeeNature

#: In percent. A fee (lệ phí) and other revenue of the budget are the budget's; a price is none of
#: it. Only of a charge (phí) does a body keep a share, which the catalogue has or nobody knows.
#: A row of the catalogue wins over these.
KEPT_BY_NATURE: Final = {FeeNature.FEE: 0, FeeNature.STATE_REVENUE: 0, FeeNature.PRICE: 100}
