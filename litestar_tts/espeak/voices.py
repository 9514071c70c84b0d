"""Which of the library's voices speaks which language tag."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ("WITHOUT_DICTIONARY", "tag_of", "voice_for")

_CODE_LIST: Final = (
    "af am an ar as az ba be bg bn bpy bs ca ca-ba ca-nw ca-va chr-us-qaaa-x-west cmn cs cv cy da de el en-029 en-gb "
    "en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-gb-x-rp en-shaw en-us en-us-nyc eo es es-419 et eu fa fa-latn fi "
    "fr-be fr-ch fr-fr ga gd gn grc gu hak haw he hi hr ht hu hy hyw ia id io is it ja jbo ka kk kl kn ko kok ku ky "
    "la lb lfn lt ltg lv mi mk ml mr ms mt mto my nb nci ne nl nog om or pa pap piqd pl pt pt-br py qdb qu quc qya ro "
    "ru ru-cl ru-lv sd shn si sjn sk sl smj sq sr sv sw ta te th ti tk tn tr tt ug uk ur uz vi vi-vn-x-central "
    "vi-vn-x-south yue"
)
_CODES: Final = frozenset(_CODE_LIST.split())
"""The voices of release 1.52 that can speak."""

WITHOUT_DICTIONARY: Final = frozenset(("fo", "kaa", "xex"))
"""Voices that the library lists and that cannot say a word."""

_BARE: Final = {"en": "en-us", "es": "es"}
"""Languages named without a region, where the rest of the world speaks otherwise."""

_DIALECTS: Final = {
    # Rhotic, flapped English where that is the norm or the model; the rest of the world follows the British one.
    "en-ca": "en-us",
    "en-ph": "en-us",
    "en-pr": "en-us",
    "en-lr": "en-us",
    "en-ie": "en-gb-scotland",
    "en-jm": "en-029",
    "en-tt": "en-029",
    "en-bb": "en-029",
    "es-es": "es",
    "es-gq": "es",
    "ca-es-valencia": "ca-va",
    "zh-hk": "yue",
    "zh-mo": "yue",
    "zh-hant-hk": "yue",
    "zh-hant-mo": "yue",
    "zh-yue": "yue",
    "zh-cn-guangdong": "yue",
}

_REST_OF_THE_WORLD: Final = {"en": "en-gb", "es": "es-419", "fr": "fr-fr", "chr": "chr-us-qaaa-x-west"}
"""Languages whose voices all carry a region: the one for regions that are not named above."""

_ALIASES: Final = {
    "zh": "cmn",
    "wuu": "cmn",
    "no": "nb",
    "nn": "nb",
    "iw": "he",
    "in": "id",
    "arb": "ar",
    "arz": "ar",
    "prs": "fa",
    "mo": "ro",
    "sh": "hr",
    "cnr": "sr",
    "pes": "fa",
    "zsm": "ms",
}

_NEAR: Final = {
    # Same letters and close values; good enough to move lips by, and nearer than English.
    "fil": "id",
    "tl": "id",
    "jv": "id",
    "su": "id",
    "ceb": "id",
    "gl": "es",
    "ast": "es",
    "oc": "ca",
    "so": "om",
    "zu": "tn",
    "xh": "tn",
    "st": "tn",
    "iu-latn": "kl",
    "mn": "kk",
    "ps": "fa",
    "yi": "he",
    "fy": "nl",
    "mai": "hi",
    "bho": "hi",
    "hsb": "pl",
}

_TAGS: Final = {
    "cmn": "zh-CN",
    "cmn-latn-pinyin": "zh-Latn-CN",
    "yue": "zh-HK",
    "yue-latn-jyutping": "zh-Latn-HK",
    "hak": "hak-TW",
    "en-gb-x-gbclan": "en-GB-x-gbclan",
    "en-gb-x-gbcwmd": "en-GB-x-gbcwmd",
    "en-gb-x-rp": "en-GB-x-rp",
    "en-gb-scotland": "en-GB-scotland",
    "en-us-nyc": "en-US-x-nyc",
    "en-shaw": "en-Shaw",
    "ca-ba": "ca-ES-x-ba",
    "ca-nw": "ca-ES-x-nw",
    "ca-va": "ca-ES-valencia",
    "chr-us-qaaa-x-west": "chr-US-x-west",
    "fa-latn": "fa-Latn",
    "ru-cl": "ru-RU-x-cl",
    "vi-vn-x-central": "vi-VN-x-central",
    "vi-vn-x-south": "vi-VN-x-south",
    "piqd": "tlh-Piqd",
    "py": "art-x-pyash",
    "qdb": "art-x-belta",
}

_REGION_LIST: Final = (
    "af-ZA am-ET ar-SA as-IN az-AZ ba-RU be-BY bg-BG bn-IN bpy-IN bs-BA ca-ES cs-CZ cv-RU cy-GB da-DK de-DE el-GR "
    "es-ES et-EE eu-ES fa-IR fi-FI ga-IE gd-GB gn-PY gu-IN haw-US he-IL hi-IN hr-HR ht-HT hu-HU hy-AM id-ID is-IS "
    "it-IT ja-JP ka-GE kk-KZ kl-GL kn-IN ko-KR kok-IN ku-TR ky-KG lb-LU lt-LT ltg-LV lv-LV mi-NZ mk-MK ml-IN mr-IN "
    "ms-MY mt-MT mto-MX my-MM nb-NO nci-MX ne-NP nl-NL nog-RU om-ET or-IN pa-IN pap-CW pl-PL pt-PT qu-PE quc-GT ro-RO "
    "ru-RU sd-PK shn-MM si-LK sk-SK sl-SI smj-SE sq-AL sr-RS sv-SE sw-KE ta-IN te-IN th-TH ti-ER tk-TM tn-ZA tr-TR "
    "tt-RU ug-CN uk-UA ur-PK uz-UZ vi-VN an-ES"
)
_REGIONS: Final = {language: region for language, _, region in (pair.partition("-") for pair in _REGION_LIST.split())}


def tag_of(code: str) -> str:
    """The BCP 47 tag of one of the library's voices: ``en-US`` for ``en-us``, ``zh-CN`` for ``cmn``."""
    code = code.lower()
    if code in _TAGS:
        return _TAGS[code]
    language, _, region = code.partition("-")
    region = region or _REGIONS.get(language, "")
    return f"{language}-{region.upper()}" if region else language


@lru_cache(maxsize=1024)
def voice_for(tag: str, *, related: bool = True) -> str | None:
    """The library's voice whose sounds come nearest to a language tag; None if no voice can read the language.

    Args:
        tag: BCP 47, in any case, with hyphens or underscores.
        related: A language without a voice of its own gets that of a close one with the same letters (Galician:
            Spanish); never merely that of a frequent one, since English rules make nonsense of other scripts.
    """
    wanted = tag.strip().replace("_", "-").lower()
    if wanted in _BARE:
        return _BARE[wanted]
    parts = wanted.split("-")
    for size in range(len(parts), 1, -1):
        prefix = "-".join(parts[:size])
        if prefix in _DIALECTS:
            return _DIALECTS[prefix]
        if prefix in _CODES:
            return prefix
    language = _ALIASES.get(parts[0], parts[0])
    own = _REST_OF_THE_WORLD.get(language) or (language if language in _CODES else None)
    if own is not None or not related:
        return own
    return _NEAR.get("-".join(parts[:2])) or _NEAR.get(language)
