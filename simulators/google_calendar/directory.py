"""Who there is: service accounts with their public keys, users of the firm's domain, and delegation."""

from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.google_calendar.keys import CLIENT_EMAIL, ServiceAccount, new_account, private_key


class Directory:
    """Accounts, users, and the scopes each account may use in a user's name."""

    def __init__(self, account: ServiceAccount | None) -> None:
        self._accounts: dict[str, ServiceAccount] = {}
        self._keys: dict[str, rsa.RSAPublicKey] = {}
        self._delegated: dict[str, frozenset[str]] = {}
        self._first = account.client_email if account is not None else CLIENT_EMAIL
        self.users: dict[str, None] = {}
        """Mail addresses, in the order in which they came."""
        if account is not None:
            self.add_account(account)

    @property
    def account(self) -> ServiceAccount:
        """The first account; without one given, its key is made when it is first asked for."""
        if self._first not in self._accounts:
            self.add_account(new_account(self._first))
        return self._accounts[self._first]

    @property
    def account_email(self) -> str:
        """The first account's address, which needs no key."""
        return self._first

    def add_account(self, account: ServiceAccount) -> None:
        """From now on its JWTs count; an earlier key of the same address does not. Raises ValueError for a bad key."""
        self._keys[account.client_email] = private_key(account).public_key()
        self._accounts[account.client_email] = account

    def find(self, client_email: str) -> tuple[ServiceAccount, rsa.RSAPublicKey] | None:
        """The account of an issuer and its public key."""
        account = self._accounts.get(client_email)
        return None if account is None else (account, self._keys[client_email])

    def is_person(self, email: str) -> bool:
        """Whether a token can be for that address: a user or an account."""
        return email in self.users or email in self._accounts or email == self._first

    def add_user(self, email: str) -> None:
        self.users[email] = None

    def delegate(self, client_email: str, scopes: frozenset[str]) -> None:
        """Domain-wide delegation as an administrator grants it; no scopes takes it back."""
        self._delegated[client_email] = scopes

    def delegated(self, client_email: str) -> frozenset[str]:
        """The scopes the account may use in a user's name."""
        return self._delegated.get(client_email, frozenset())
