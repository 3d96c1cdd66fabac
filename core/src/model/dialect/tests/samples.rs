//! Schemas as users and servers of tools write them, odd ones first. The last field says whether
//! every constraint can be told to every provider.

pub(super) const SAMPLES: &[(&str, &str, bool)] = &[
    ("nothing", r#"{"type": "object"}"#, true),
    ("empty", r#"{}"#, false),
    (
        "made by pydantic",
        r##"{"$defs": {"Kind": {"enum": ["a", "b"], "title": "Kind", "type": "string"},
             "Item": {"properties": {"kind": {"$ref": "#/$defs/Kind"}, "note": {"anyOf":
             [{"type": "string"}, {"type": "null"}], "default": null, "title": "Note"}},
             "required": ["kind"], "title": "Item", "type": "object"}},
             "properties": {"items": {"items": {"$ref": "#/$defs/Item"}, "type": "array"},
             "first": {"allOf": [{"$ref": "#/$defs/Item"}], "description": "the first"}},
             "required": ["items"], "title": "Order", "type": "object"}"##,
        true,
    ),
    (
        "made by zod",
        r##"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
             "properties": {"mode": {"type": "string", "const": "fast"}, "url": {"type": "string"},
             "size": {"anyOf": [{"type": "number"}, {"type": "string", "enum": ["auto"]}]},
             "again": {"$ref": "#/properties/url"}},
             "required": ["mode"], "additionalProperties": false}"##,
        true,
    ),
    (
        "a choice at the top",
        r#"{"oneOf": [
             {"type": "object", "properties": {"op": {"const": "add"}, "text": {"type": "string"}},
              "required": ["op", "text"], "additionalProperties": false},
             {"type": "object", "properties": {"op": {"const": "drop"}, "id": {"type": "integer"}},
              "required": ["op", "id"], "additionalProperties": false}]}"#,
        true,
    ),
    (
        "a choice of references at the top, with what they share",
        r##"{"type": "object", "properties": {"dry": {"type": "boolean"}},
             "anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
             "$defs": {"a": {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                       "b": {"properties": {"b": {"type": "integer"}}, "required": ["b"]}}}"##,
        true,
    ),
    (
        "all of several at the top",
        r##"{"allOf": [{"$ref": "#/definitions/base"},
             {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}],
             "definitions": {"base": {"type": "object", "properties": {"a": {"type": "string"}},
             "required": ["a"]}}}"##,
        true,
    ),
    (
        "a reference at the top",
        r##"{"$ref": "#/$defs/args", "$defs": {"args": {"type": "object",
             "properties": {"n": {"type": "integer"}}, "required": ["n"]}}}"##,
        true,
    ),
    (
        "one of these must be there",
        r#"{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}"#,
        false,
    ),
    (
        "odd names",
        r#"{"type": "object", "properties": {"user name": {"type": "string"}, "@type": {"type": "string"},
            "user_name": {"type": "integer"}, "\u00e4": {"type": "object", "properties":
            {"$x": {"type": "boolean"}}, "required": ["$x"]}, "1st": {"type": "null"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a b": {"type": "integer"}},
            "required": ["a b"]}}},
            "required": ["user name", "\u00e4", "1st", "list"]}"#,
        true,
    ),
    (
        "odd names in a choice",
        r#"{"type": "object", "properties": {"x": {"anyOf": [
             {"type": "object", "properties": {"a b": {"type": "integer"}}, "required": ["a b"],
              "additionalProperties": false},
             {"type": "object", "properties": {"a_b": {"type": "string"}}, "required": ["a_b"],
              "additionalProperties": false}]}}, "required": ["x"]}"#,
        true,
    ),
    (
        "numbers to choose from",
        r#"{"type": "object", "properties": {"n": {"type": "integer", "enum": [1, 2, 3]},
            "x": {"enum": [0.5, 1.5, null]}, "mixed": {"enum": ["a", 1, true]},
            "either": {"anyOf": [{"enum": [1, 2]}, {"type": "string"}]},
            "list": {"type": "array", "items": {"enum": [10, 20]}}, "yes": {"enum": [true, false]}},
            "required": ["n", "list"]}"#,
        false,
    ),
    (
        "numbers to choose from, alone",
        r#"{"type": "object", "properties": {"n": {"type": "integer", "enum": [1, 2, 3]},
            "x": {"enum": [0.5, 1.5]}, "list": {"type": "array", "items": {"enum": [10, 20]}}},
            "required": ["n", "list"]}"#,
        true,
    ),
    (
        "several types",
        r#"{"type": "object", "properties": {"v": {"type": ["string", "integer", "array", "null"],
            "items": {"type": "string"}}, "w": {"type": ["integer", "number"]}, "n": {"type": "null"}},
            "required": ["v"]}"#,
        true,
    ),
    (
        "mappings",
        r#"{"type": "object", "properties": {"env": {"type": "object", "additionalProperties":
            {"type": "string"}}, "deep": {"type": "object", "additionalProperties": {"type": "object",
            "properties": {"n": {"type": "integer"}}, "required": ["n"]}}}, "required": ["env"]}"#,
        // Gemini is not told what a mapping holds.
        false,
    ),
    (
        "anything",
        r#"{"type": "object", "properties": {"any": {}, "bare": {"type": "array"}, "yes": true,
            "open": {"type": "object"}}, "required": ["any"]}"#,
        true,
    ),
    (
        "limits",
        r#"{"type": "object", "properties": {"a": {"type": "integer", "exclusiveMinimum": 2,
            "exclusiveMaximum": 9}, "b": {"type": "array", "items": {"type": "integer"}, "minItems": 1,
            "maxItems": 2}}, "required": ["a", "b"]}"#,
        false,
    ),
    (
        "constraints of texts",
        r#"{"type": "object", "properties": {"code": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "mail": {"type": "string", "format": "email"}, "when": {"type": "string", "format": "date-time"},
            "long": {"type": "string", "minLength": 2, "maxLength": 4}}}"#,
        false,
    ),
    (
        "an older draft",
        r##"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties":
            {"pair": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}],
            "additionalItems": false}}, "dependencies": {"a": ["b"]}}"##,
        false,
    ),
    (
        "conditions",
        r#"{"type": "object", "properties": {"kind": {"enum": ["a", "b"]}, "extra": {"type": "string"}},
            "if": {"properties": {"kind": {"const": "a"}}}, "then": {"required": ["extra"]},
            "not": {"required": ["forbidden"]}}"#,
        false,
    ),
    (
        "a tree",
        r##"{"type": "object", "properties": {"root": {"$ref": "#/$defs/node"}}, "required": ["root"],
            "$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"}, "kids":
            {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["v"]}}}"##,
        // Below the depth to which it is told, anything goes.
        false,
    ),
    (
        "null in every form",
        r##"{"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#/$defs/o"}, {"type": "null"}]},
            "b": {"type": ["string", "null"], "enum": ["x", null]}, "c": {"oneOf": [{"type": "null"},
            {"type": "array", "items": {"type": "string"}}]}}, "required": ["a", "b"],
            "$defs": {"o": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}}"##,
        true,
    ),
    (
        "choices in choices",
        r#"{"type": "object", "properties": {"f": {"anyOf": [{"anyOf": [{"type": "string"},
            {"type": "integer"}]}, {"type": "array", "items": {"anyOf": [{"type": "string"},
            {"type": "boolean"}]}}], "description": "a filter"}}, "required": ["f"]}"#,
        true,
    ),
    (
        "an anchor",
        r##"{"type": "object", "properties": {"a": {"$ref": "#here"}},
            "$defs": {"h": {"$anchor": "here", "type": "integer"}}, "required": ["a"]}"##,
        true,
    ),
];
