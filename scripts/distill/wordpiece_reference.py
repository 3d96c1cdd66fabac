"""Writes what the reference tokenizer makes of some texts, for the test of ours.

    pip install tokenizers
    python wordpiece_reference.py MODEL_FOLDER > core/src/model/embedding/testdata/wordpiece.json
"""

import json
import sys

from tokenizers import Tokenizer

TEXTS = [
    "",
    " ",
    "The quick brown fox jumps over the lazy dog.",
    "Aeroelasticity of hypersonic boundary-layer transition, at Mach 7.5 (re-examined).",
    "don't can't won't it's 'quoted' \"double\" `tick`",
    "e-mail: someone.else+tag@example.com, https://example.com/a/b?c=d&e=%20#f",
    "fn main() { let x: Vec<u8> = vec![0; 1 << 10]; println!(\"{x:?}\"); }",
    "SELECT * FROM users WHERE name LIKE '%O''Brien%' AND age >= 42;",
    "$1,234.56 = €1.234,56 ≈ £999 ¥100 ₹5 ½ ² ³ ™ © ® ° ± × ÷ ∞ ≠ ≤ → ⇒ ∀x∈ℝ",
    "tabs\tand\nnew\r\nlines\x0bvertical\x0cfeed",
    "nul\x00byte bell\x07 escape\x1b[31m delete\x7f",
    "soft\u00adhyphen zero\u200bwidth joiner\u200dhere bom\ufeff mark\u200e",
    "no\u00a0break thin\u2009space ideographic\u3000space line\u2028para\u2029end nel\u0085end",
    "Café naïve résumé Ångström coöperate Žižek Łódź Ørsted straße STRASSE İstanbul ıspanak",
    "cafe\u0301 nai\u0308ve A\u030angstro\u0308m e\u0323\u0302",
    "ﬁne ﬂow oﬃce Ⅷ ① ㎏ ½",
    "Ελλάδα και Σίσυφος ΟΔΟΣ; ΐ",
    "Москва, Ёлка и ещё ЙОД й",
    "Привет, мир! Як справи? Їжак",
    "שלום עולם בְּרֵאשִׁית",
    "مرحبا بالعالم اَلْعَرَبِيَّةُ ٣٤٥",
    "नमस्ते दुनिया हिन्दी में",
    "বাংলা ভাষা தமிழ் తెలుగు ಕನ್ನಡ മലയാളം ไทย ภาษา ລາວ မြန်မာ ខ្មែរ",
    "你好，世界！这是一个测试。繁體中文",
    "日本語のテキスト、カタカナ。ﾊﾝｶｸ ガギグ が",
    "한국어 텍스트 각 가",
    "東京tower北京2008年",
    "豈更 〇 㐀 𠀀 𪛖",
    "emoji 😀 👍🏽 👨\u200d👩\u200d👧 ❤️ 🇩🇪 ✓ ✗ ★",
    "math 𝐀𝒷𝓒 ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３",
    "«guillemets» „low“ ‘single’ “double” … – — ― ‑ ‐ • ·",
    "¡Hola! ¿Qué tal? ¶ § †",
    "private\ue000use replacement\ufffdchar",
    "[CLX] [SEQ] <mask> <s> {{x}} [[y]] \\n \\u0041",
    "snake_case camelCase kebab-case UPPER_CASE 0x1F 1e-5 3.14159 v1.2.3-rc.1+build",
    "a" * 99,
    "a" * 100,
    "a" * 101,
    "ä" * 100,
    "ä" * 101,
    "Donaudampfschifffahrtsgesellschaftskapitän antidisestablishmentarianism",
    "pneumonoultramicroscopicsilicovolcanoconiosis supercalifragilisticexpialidocious",
    "\u037e greek question \u1fef grave \u212a kelvin \u2126 ohm",
    "##ing # ## ### a##b",
    "x" * 30 + " " + "qz" * 40,
]

tokenizer = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
tokenizer.no_truncation()
tokenizer.no_padding()
rows = [[t, " ".join(tokenizer.encode(t, add_special_tokens=False).tokens)] for t in TEXTS]
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
