"""Between the records of both sides and the form they are compared in. Pure, and total: no record makes it raise."""
