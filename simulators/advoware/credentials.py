"""What the vendor and the firm have given out: the demo's values, and the struct that holds others."""

import msgspec

APP_ID = "demo"
API_KEY = "ZGVtbw=="
KANZLEI = "demo"
DATABASE = "ADVOWARE"
USER = "demo"
PASSWORD = "demo"  # noqa: S105  made up, and printed in the README

# Fixed for third parties (vendor's page "Authentifizierung").
ROLE = 2
PRODUCT = 64


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The only ones that get a token. `api_key` is base64, as the vendor hands it out; `user` is a Kürzel."""

    app_id: str = APP_ID
    api_key: str = API_KEY
    kanzlei: str = KANZLEI
    database: str = DATABASE
    user: str = USER
    password: str = PASSWORD
