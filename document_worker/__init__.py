"""Documents and their collection owners: EspoCRM to xAI Collections."""
