//! Codes that the text alone gives.

use super::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::error(
        "AK1001",
        "the text is not YAML or JSON",
        "The reader stopped here. Look at indentation, quotes and colons on this line and the one \
         before; YAML is indented with spaces. A file holds one document.",
        "agent: helper\nmodel: \"openai/gpt-4o-mini\nprompt: Hello\n",
        "agent: helper\nmodel: \"openai/gpt-4o-mini\"\nprompt: Hello\n",
    ),
    Rule::error(
        "AK1002",
        "a key that is not known here",
        "Unknown keys are refused, because a misspelt one would be ignored without a word. What is \
         not aikit's belongs under `extensions`.",
        "agent: helper\nintelligence:\n  model: openai/gpt-4o-mini\n  temprature: 0.5\n",
        "agent: helper\nintelligence:\n  model: openai/gpt-4o-mini\n  temperature: 0.5\n",
    ),
    Rule::error(
        "AK1003",
        "a value of the wrong type",
        "A text, a number, a list or a mapping stands where another of these belongs. Versions and \
         ids that look like numbers need quotes.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nversion: 1.0\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nversion: \"1.0.0\"\n",
    ),
    Rule::error(
        "AK1004",
        "something required is missing",
        "Few keys are required: a name or an id, and within blocks what they are about.",
        "model: openai/gpt-4o-mini\ndescription: An agent without a name\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ndescription: An agent with a name\n",
    ),
    Rule::error(
        "AK1005",
        "a value that is not allowed here",
        "The value has the right type, and is out of range, not one of the words, or not of the \
         form that belongs here.",
        "agent: helper\nintelligence:\n  model: openai/gpt-4o-mini\n  temperature: 7\n",
        "agent: helper\nintelligence:\n  model: openai/gpt-4o-mini\n  temperature: 0.7\n",
    ),
    Rule::error(
        "AK1006",
        "a key that stands twice",
        "Which of the two is meant cannot be known.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmodel: openai/gpt-4o\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\n",
    ),
    Rule::error(
        "AK1007",
        "the document is empty, or not a mapping",
        "A spec is a mapping of keys to values.",
        "- agent: helper\n- model: openai/gpt-4o-mini\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\n",
    ),
    Rule::error(
        "AK1008",
        "the document is too large, too deep, or multiplies itself",
        "A spec has at most 2 MiB, 64 levels and 100,000 values after its aliases are expanded. \
         Documents belong into collections.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nextensions:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n  \
         b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n  c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n  \
         d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n  e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nextensions:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n  \
         b: [*a,*a]\n",
    ),
    Rule::error(
        "AK1009",
        "the short form and the full form of one thing",
        "A short form stands for a place in the full document, and both are given.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nintelligence: {model: openai/gpt-4o}\n",
        "agent: helper\nintelligence: {model: openai/gpt-4o}\n",
    ),
    Rule::error(
        "AK1010",
        "a key that is not a text",
        "Keys are texts. What looks like a number, `true` or nothing needs quotes; lists and \
         mappings cannot be keys.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nextensions: {404: not found}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nextensions: {\"404\": not found}\n",
    ),
    Rule::error(
        "AK1011",
        "a text that holds the character NUL",
        "Databases and C cannot keep it.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"be\\0kind\"\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"be kind\"\n",
    ),
    Rule::error(
        "AK1012",
        "a version of the spec format that is not known",
        "This version of aikit reads version 1. Leave `spec_version` out, or upgrade aikit.",
        "spec_version: \"3\"\nagent: helper\nmodel: openai/gpt-4o-mini\n",
        "spec_version: \"1\"\nagent: helper\nmodel: openai/gpt-4o-mini\n",
    ),
    Rule::error(
        "AK1020",
        "a file to extend that is not there, or cannot be read",
        "The path is relative to the file that names it.",
        "extends: basis.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
        "extends: base.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
    )
    .beside(&[("base.yaml", "prompt: Be kind.\n")]),
    Rule::error(
        "AK1021",
        "a file to extend that is outside of the spec's folder",
        "Nothing outside of the folder is read, also not through links: a spec may come from \
         somebody else.",
        "extends: ../secrets.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
        "extends: parts/base.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
    )
    .beside(&[("parts/base.yaml", "prompt: Be kind.\n")]),
    Rule::error(
        "AK1022",
        "a text that extends itself",
        "The texts that are extended lead back to one of them.",
        "extends: a.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
        "extends: c.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
    )
    .beside(&[
        ("a.yaml", "extends: b.yaml\n"),
        ("b.yaml", "extends: a.yaml\n"),
        ("c.yaml", "prompt: Be kind.\n"),
    ]),
    Rule::error(
        "AK1023",
        "too many texts to extend",
        "At most 8 levels and 32 texts in all.",
        "extends: [base.yaml, base.yaml, base.yaml, base.yaml, base.yaml, base.yaml, base.yaml, \
         base.yaml,\n  base.yaml, base.yaml, base.yaml, base.yaml, base.yaml, base.yaml, \
         base.yaml, base.yaml,\n  base.yaml, base.yaml, base.yaml, base.yaml, base.yaml, \
         base.yaml, base.yaml, base.yaml,\n  base.yaml, base.yaml, base.yaml, base.yaml, \
         base.yaml, base.yaml, base.yaml, base.yaml,\n  base.yaml]\nagent: helper\nmodel: \
         openai/gpt-4o-mini\n",
        "extends: base.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
    )
    .beside(&[("base.yaml", "prompt: Be kind.\n")]),
    Rule::error(
        "AK1024",
        "a preset that does not exist",
        "Presets ship with aikit; the message names them.",
        "extends: preset:exact\nagent: helper\nmodel: openai/gpt-4o-mini\n",
        "extends: preset:precise\nagent: helper\nmodel: openai/gpt-4o-mini\n",
    ),
    Rule::error(
        "AK1025",
        "a file to extend, named in a text without a folder",
        "A text that is not read from a file may extend presets. To extend files, give the folder \
         with the text (`base`), or read the spec from its file.",
        "extends: base.yaml\nagent: helper\nmodel: openai/gpt-4o-mini\n",
        "extends: preset:precise\nagent: helper\nmodel: openai/gpt-4o-mini\n",
    ),
];
