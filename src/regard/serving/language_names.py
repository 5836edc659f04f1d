"""The English names of languages."""

NAMES = dict(
    line.split(maxsplit=1)
    for line in """
    af Afrikaans
    am Amharic
    ar Arabic
    az Azerbaijani
    be Belarusian
    bg Bulgarian
    bn Bengali
    br Breton
    bs Bosnian
    ca Catalan
    cs Czech
    cy Welsh
    da Danish
    de German
    el Greek
    en English
    eo Esperanto
    es Spanish
    et Estonian
    eu Basque
    fa Persian
    fi Finnish
    fo Faroese
    fr French
    fy Western Frisian
    ga Irish
    gd Scottish Gaelic
    gl Galician
    gu Gujarati
    ha Hausa
    he Hebrew
    hi Hindi
    hr Croatian
    ht Haitian Creole
    hu Hungarian
    hy Armenian
    id Indonesian
    ig Igbo
    is Icelandic
    it Italian
    ja Japanese
    jv Javanese
    ka Georgian
    kab Kabyle
    kk Kazakh
    km Khmer
    kn Kannada
    ko Korean
    ku Kurdish
    ky Kyrgyz
    la Latin
    lb Luxembourgish
    ln Lingala
    lo Lao
    lt Lithuanian
    lv Latvian
    mg Malagasy
    mk Macedonian
    ml Malayalam
    mn Mongolian
    mr Marathi
    ms Malay
    mt Maltese
    my Burmese
    nb Norwegian Bokmål
    ne Nepali
    nl Dutch
    nn Norwegian Nynorsk
    no Norwegian
    oc Occitan
    or Odia
    pa Punjabi
    pl Polish
    ps Pashto
    pt Portuguese
    pt-BR Brazilian Portuguese
    qu Quechua
    ro Romanian
    ru Russian
    rw Kinyarwanda
    sa Sanskrit
    se Northern Sami
    si Sinhala
    sk Slovak
    sl Slovenian
    sn Shona
    so Somali
    sq Albanian
    sr Serbian
    st Southern Sotho
    sv Swedish
    sw Swahili
    ta Tamil
    te Telugu
    tg Tajik
    th Thai
    tk Turkmen
    tl Tagalog
    tr Turkish
    tt Tatar
    ug Uyghur
    uk Ukrainian
    ur Urdu
    uz Uzbek
    vi Vietnamese
    xh Xhosa
    yi Yiddish
    yo Yoruba
    yue Cantonese
    zh Chinese
    zh-Hans Chinese
    zh-Hant Chinese (traditional)
    zu Zulu
    """.strip().splitlines()
)
