"""What the page says: one table per language, and the words that only one of them needs to bend."""

from collections.abc import Mapping

from console.web.words.causes_de import CAUSES_DE
from console.web.words.causes_en import CAUSES_EN
from console.web.words.de import DE
from console.web.words.en import EN

LANGUAGES: Mapping[str, Mapping[str, str]] = {"de": {**DE, **CAUSES_DE}, "en": {**EN, **CAUSES_EN}}
"""The first is the one for whoever asks for none of them."""
