"""The rules that no linter knows: docs held to code, and code held to the rules of the house."""
