from __future__ import annotations

import pytest

from litestar_tts.espeak.library import Espeak
from litestar_tts.espeak.voices import _CODES, WITHOUT_DICTIONARY, tag_of, voice_for

LOCALES = (
    "af-ZA am-ET ar-AE ar-BH ar-DZ ar-EG ar-IQ ar-JO ar-KW ar-LB ar-LY ar-MA ar-OM ar-QA ar-SA ar-SY ar-TN ar-YE "
    "az-AZ bg-BG bn-BD bn-IN bs-BA ca-ES cs-CZ cy-GB da-DK de-AT de-CH de-DE el-GR en-AU en-CA en-GB en-HK en-IE "
    "en-IN en-KE en-NG en-NZ en-PH en-SG en-TZ en-US en-ZA es-AR es-BO es-CL es-CO es-CR es-CU es-DO es-EC es-ES "
    "es-GQ es-GT es-HN es-MX es-NI es-PA es-PE es-PR es-PY es-SV es-US es-UY es-VE et-EE fa-IR fi-FI fil-PH fr-BE "
    "fr-CA fr-CH fr-FR ga-IE gl-ES gu-IN he-IL hi-IN hr-HR hu-HU id-ID is-IS it-IT iu-Latn-CA ja-JP jv-ID ka-GE kk-KZ "
    "kn-IN ko-KR lt-LT lv-LV mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM nb-NO ne-NP nl-BE nl-NL pl-PL ps-AF pt-BR "
    "pt-PT ro-RO ru-RU si-LK sk-SK sl-SI so-SO sq-AL sr-RS su-ID sv-SE sw-KE sw-TZ ta-IN ta-LK ta-MY ta-SG te-IN "
    "th-TH tr-TR uk-UA ur-IN ur-PK uz-UZ vi-VN zh-CN zh-CN-liaoning zh-CN-shaanxi zh-HK zh-TW zu-ZA"
)
EDGE_LOCALES = LOCALES.split()


@pytest.fixture(scope="module")
def espeak():
    copy = Espeak()
    yield copy
    copy.close()


def test_every_code_is_a_voice_that_speaks(espeak):
    for code in sorted(_CODES):
        pcm = espeak.synthesize("1 2 3 a e i ᎠᎡᎢ", voice=code)[0]
        assert len(pcm) > 10_000, code


def test_the_codes_are_all_that_the_library_lists(espeak):
    listed = {voice.languages[0].casefold() for voice in espeak.voices}
    # Two further voices read Chinese in Latin letters only.
    assert listed - _CODES - WITHOUT_DICTIONARY == {"cmn-latn-pinyin"}
    assert listed >= _CODES


@pytest.mark.parametrize("locale", EDGE_LOCALES)
def test_every_locale_of_edge_has_a_voice(locale):
    assert voice_for(locale) in _CODES


@pytest.mark.parametrize("locale", ["km-KH", "lo-LA", "iu-Cans-CA", "xx", "", "..", "en/../us", "zxx"])
def test_what_nothing_can_read_has_none(locale):
    assert voice_for(locale) is None


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en-us"),
        ("en-US", "en-us"),
        ("en_us", "en-us"),
        ("en-CA", "en-us"),
        ("en-GB", "en-gb"),
        ("en-AU", "en-gb"),
        ("en-IN", "en-gb"),
        ("en-IE", "en-gb-scotland"),
        ("es", "es"),
        ("es-ES", "es"),
        ("es-MX", "es-419"),
        ("es-AR", "es-419"),
        ("pt-BR", "pt-br"),
        ("pt-PT", "pt"),
        ("fr-CA", "fr-fr"),
        ("fr-BE", "fr-be"),
        ("zh", "cmn"),
        ("zh-CN", "cmn"),
        ("zh-TW", "cmn"),
        ("zh-Hant-TW", "cmn"),
        ("zh-HK", "yue"),
        ("zh-Hant-HK", "yue"),
        ("nb-NO", "nb"),
        ("no", "nb"),
        ("iw-IL", "he"),
        ("sr-Latn-RS", "sr"),
        ("fil-PH", "id"),
        ("gl-ES", "es"),
        ("vi-VN-x-south", "vi-vn-x-south"),
    ],
)
def test_the_dialect_follows_the_region(tag, code):
    assert voice_for(tag) == code


def test_relatives_can_be_left_out():
    assert voice_for("gl-ES", related=False) is None
    assert voice_for("iu-Latn-CA", related=False) is None
    assert voice_for("nn-NO", related=False) == "nb"


@pytest.mark.parametrize(
    ("code", "tag"),
    [("en-us", "en-US"), ("cmn", "zh-CN"), ("yue", "zh-HK"), ("nb", "nb-NO"), ("es-419", "es-419"), ("eo", "eo")],
)
def test_tags_are_bcp_47(code, tag):
    assert tag_of(code) == tag


def test_a_voices_own_tag_leads_back_to_it():
    for code in _CODES - {"ca-ba", "ca-nw", "ru-cl", "en-us-nyc", "piqd", "py", "qdb", "chr-us-qaaa-x-west"}:
        assert voice_for(tag_of(code)) == code
