//! Spellings and what they mean. [`SAME`] was checked against sigs.k8s.io/yaml v1.6.0
//! (go.yaml.in/yaml/v2 v2.4.2), `YAMLToJSON`: what `oc apply -f` makes of them. [`REFUSED`] are the
//! deliberate differences, with what that library makes of them, and what it refuses too. Beyond the
//! tables, 180,000 random texts were given to both: where both took a text as a list or a map, they
//! read the same.

use super::super::budget::Budget;
use super::super::error::{Failure, Problem};
use super::read_yaml;
use serde_json::{Value, json};

fn read(text: &str) -> Result<Vec<Value>, Failure> {
    read_yaml(text, Budget::new(1 << 20))
}

fn problem(text: &str) -> Problem {
    read(text).unwrap_err().problem
}

/// Text, and the first document in it as JSON.
const SAME: &[(&str, &str)] = &[
    // Integers.
    ("v: 0", r#"{"v":0}"#),
    ("v: 0644", r#"{"v":420}"#),
    ("v: 00644", r#"{"v":420}"#),
    ("v: 0_644", r#"{"v":420}"#),
    ("v: +0644", r#"{"v":420}"#),
    ("v: -0644", r#"{"v":-420}"#),
    ("v: 0o644", r#"{"v":420}"#),
    ("v: 0O644", r#"{"v":420}"#),
    ("v: +0o17", r#"{"v":15}"#),
    ("v: 0o8", r#"{"v":"0o8"}"#),
    ("v: 0o-7", r#"{"v":"0o-7"}"#),
    ("v: 0o", r#"{"v":"0o"}"#),
    ("v: 0x1f", r#"{"v":31}"#),
    ("v: 0X1F", r#"{"v":31}"#),
    ("v: -0x10", r#"{"v":-16}"#),
    ("v: 0x_ff", r#"{"v":255}"#),
    ("v: 0x1_", r#"{"v":1}"#),
    ("v: 0x", r#"{"v":"0x"}"#),
    ("v: 0x_", r#"{"v":"0x_"}"#),
    ("v: 0xg", r#"{"v":"0xg"}"#),
    ("v: 0x-1", r#"{"v":"0x-1"}"#),
    ("v: 0x1p4", r#"{"v":"0x1p4"}"#),
    ("v: 0x1ffffffffffffffff", r#"{"v":"0x1ffffffffffffffff"}"#),
    ("v: -0xffffffffffffffff", r#"{"v":"-0xffffffffffffffff"}"#),
    ("v: 0b11", r#"{"v":3}"#),
    ("v: 0B11", r#"{"v":3}"#),
    ("v: -0b1_1", r#"{"v":-3}"#),
    ("v: 0b-1", r#"{"v":-1}"#),
    ("v: 0b+1", r#"{"v":1}"#),
    ("v: 0b2", r#"{"v":"0b2"}"#),
    ("v: 0b", r#"{"v":"0b"}"#),
    ("v: 1_000", r#"{"v":1000}"#),
    ("v: 1_", r#"{"v":1}"#),
    ("v: _1", r#"{"v":"_1"}"#),
    ("v: -_1", r#"{"v":-1}"#),
    ("v: +1", r#"{"v":1}"#),
    ("v: -1", r#"{"v":-1}"#),
    ("v: -0", r#"{"v":0}"#),
    ("v: +0", r#"{"v":0}"#),
    ("v: 08", r#"{"v":8}"#),
    ("v: 09", r#"{"v":9}"#),
    ("v: 0_9", r#"{"v":9}"#),
    ("v: 0129", r#"{"v":129}"#),
    ("v: 9007199254740992", r#"{"v":9007199254740992}"#),
    ("v: +", r#"{"v":"+"}"#),
    ("v: --1", r#"{"v":"--1"}"#),
    ("v: +-1", r#"{"v":"+-1"}"#),
    ("v: 1-2", r#"{"v":"1-2"}"#),
    ("v: 1,000", r#"{"v":"1,000"}"#),
    // What looks like numbers and is text.
    ("v: 1:30", r#"{"v":"1:30"}"#),
    ("v: 190:20:30", r#"{"v":"190:20:30"}"#),
    ("v: 1.2.3.4", r#"{"v":"1.2.3.4"}"#),
    ("v: .", r#"{"v":"."}"#),
    ("v: .e3", r#"{"v":".e3"}"#),
    ("v: .5_", r#"{"v":".5_"}"#),
    ("v: ._5", r#"{"v":"._5"}"#),
    ("v: 1e", r#"{"v":"1e"}"#),
    ("v: 1e+", r#"{"v":"1e+"}"#),
    ("v: 1e400", r#"{"v":"1e400"}"#),
    ("v: -1e400", r#"{"v":"-1e400"}"#),
    ("v: .1e5000", r#"{"v":".1e5000"}"#),
    ("v: inf", r#"{"v":"inf"}"#),
    ("v: NaN", r#"{"v":"NaN"}"#),
    ("v: ١", r#"{"v":"١"}"#),
    // Timestamps stay as they are written.
    ("v: 2001-01-01", r#"{"v":"2001-01-01"}"#),
    ("v: 2001-1-1", r#"{"v":"2001-1-1"}"#),
    ("v: 2001-12-14t21:59:43.10-05:00", r#"{"v":"2001-12-14t21:59:43.10-05:00"}"#),
    ("v: 2001-12-15 2:59:43.10", r#"{"v":"2001-12-15 2:59:43.10"}"#),
    ("v: 2001-13-01", r#"{"v":"2001-13-01"}"#),
    // Truth.
    ("v: [yes, Yes, YES, y, Y, on, On, ON]", r#"{"v":[true,true,true,true,true,true,true,true]}"#),
    ("v: [true, True, TRUE]", r#"{"v":[true,true,true]}"#),
    (
        "v: [no, No, NO, n, N, off, Off, OFF]",
        r#"{"v":[false,false,false,false,false,false,false,false]}"#,
    ),
    ("v: [false, False, FALSE]", r#"{"v":[false,false,false]}"#),
    ("v: [yEs, tRUE, oN, nO]", r#"{"v":["yEs","tRUE","oN","nO"]}"#),
    // Nothing.
    ("v: [~, null, Null, NULL]", r#"{"v":[null,null,null,null]}"#),
    ("v:", r#"{"v":null}"#),
    ("v: nULL", r#"{"v":"nULL"}"#),
    ("v: ~a", r#"{"v":"~a"}"#),
    ("v: \"\"", r#"{"v":""}"#),
    // Quoted is text.
    ("v: \"0644\"", r#"{"v":"0644"}"#),
    ("v: '0644'", r#"{"v":"0644"}"#),
    ("v: 'yes'", r#"{"v":"yes"}"#),
    ("v: >-\n  yes\n", r#"{"v":"yes"}"#),
    ("v: |\n  0644\n", r#"{"v":"0644\n"}"#),
    // Tags.
    ("v: !!str 1", r#"{"v":"1"}"#),
    ("v: !!str ~", r#"{"v":"~"}"#),
    ("v: !!str", r#"{"v":""}"#),
    ("v: !<tag:yaml.org,2002:str> 1", r#"{"v":"1"}"#),
    ("v: ! 1", r#"{"v":"1"}"#),
    ("v: ! yes", r#"{"v":"yes"}"#),
    ("v: ! [1]", r#"{"v":[1]}"#),
    ("v: !!int \"12\"", r#"{"v":12}"#),
    ("v: !!int \"0644\"", r#"{"v":420}"#),
    ("v: !!bool \"yes\"", r#"{"v":true}"#),
    ("v: !!null \"\"", r#"{"v":null}"#),
    ("v: !!map {a: 1}", r#"{"v":{"a":1}}"#),
    ("v: !!seq [1]", r#"{"v":[1]}"#),
    ("v: !!binary aGVsbG8=", r#"{"v":"hello"}"#),
    ("v: !!binary aGVsbG9=", r#"{"v":"hello"}"#),
    ("v: !!binary |\n  aGVs\n  bG8=\n", r#"{"v":"hello"}"#),
    ("v: &a !!str 12", r#"{"v":"12"}"#),
    // Keys.
    ("1: a", r#"{"1":"a"}"#),
    ("0644: a", r#"{"420":"a"}"#),
    ("-0: a", r#"{"0":"a"}"#),
    ("true: b", r#"{"true":"b"}"#),
    ("yes: b", r#"{"true":"b"}"#),
    ("2001-01-01: c", r#"{"2001-01-01":"c"}"#),
    ("!!str 1: a", r#"{"1":"a"}"#),
    ("\"\": a", r#"{"":"a"}"#),
    ("? |\n  a\n: b", r#"{"a\n":"b"}"#),
    ("? a\n? b", r#"{"a":null,"b":null}"#),
    ("\"<<\": {a: 1}", r#"{"<<":{"a":1}}"#),
    ("!!str <<: {a: 1}", r#"{"<<":{"a":1}}"#),
    ("v: <<", r#"{"v":"<<"}"#),
    // Anchors.
    ("a: &x 1\nb: *x", r#"{"a":1,"b":1}"#),
    ("a: &x [1]\nb: *x\nc: *x", r#"{"a":[1],"b":[1],"c":[1]}"#),
    ("a: &x 1\nb: &x 2\nc: *x", r#"{"a":1,"b":2,"c":2}"#),
    ("&x a: *x", r#"{"a":"a"}"#),
    // Blocks and folding.
    ("v: |\n  a\n  b", r#"{"v":"a\nb"}"#),
    ("v: |\n  a\n  b\n", r#"{"v":"a\nb\n"}"#),
    ("v: |-\n  a\n  b\n", r#"{"v":"a\nb"}"#),
    ("v: |+\n  a\n\n", r#"{"v":"a\n\n"}"#),
    ("v: >\n  a\n  b\n\n  c\n", r#"{"v":"a b\nc\n"}"#),
    ("v: |2\n    a\n", r#"{"v":"  a\n"}"#),
    ("v: \"a\n  b\"", r#"{"v":"a b"}"#),
    ("v: 'it''s'", r#"{"v":"it's"}"#),
    ("v: a b\n  c", r#"{"v":"a b c"}"#),
    // Flow.
    ("v: [a, b,]", r#"{"v":["a","b"]}"#),
    ("v: {a, b: 1}", r#"{"v":{"a":null,"b":1}}"#),
    ("v: {\"a\":1}", r#"{"v":{"a":1}}"#),
    ("v: {a:1}", r#"{"v":{"a:1":null}}"#),
    ("v: [a: 1]", r#"{"v":[{"a":1}]}"#),
    ("v: http://x:80/", r#"{"v":"http://x:80/"}"#),
    ("v: a#c", r#"{"v":"a#c"}"#),
    ("v: a #c", r#"{"v":"a"}"#),
    ("v:\n- a\n- b", r#"{"v":["a","b"]}"#),
    // Documents.
    ("%YAML 1.1\n---\na: 1", r#"{"a":1}"#),
    ("a: 1\n...\n", r#"{"a":1}"#),
    ("---\na: 1\n---\nb: 2", r#"{"a":1}"#),
    ("\u{feff}a: 1", r#"{"a":1}"#),
];

#[test]
fn spellings_mean_what_oc_apply_makes_of_them() {
    for (text, expected) in SAME {
        let expected: Value = serde_json::from_str(expected).unwrap();
        match read(text) {
            Ok(documents) => assert_eq!(documents[0], expected, "{text:?}"),
            Err(failure) => panic!("{text:?}: {failure:?}"),
        }
    }
}

/// What kind of problem a text has, and what sigs.k8s.io/yaml makes of it.
const REFUSED: &[(&str, &str, &str)] = &[
    ("v: 420.0", "number", "420"),
    ("v: 1.0", "number", "1"),
    ("v: 1.5", "number", "1.5"),
    ("v: 5.", "number", "5"),
    ("v: .5", "number", "0.5"),
    ("v: .5_0", "number", "0.5"),
    ("v: -.5", "number", "-0.5"),
    ("v: 1_0.5", "number", "10.5"),
    ("v: 1e3", "number", "1000"),
    ("v: 1E+3", "number", "1000"),
    ("v: 12e03", "number", "12000"),
    ("v: 1.e3", "number", "1000"),
    ("v: -0.0", "number", "-0"),
    ("v: .inf", "number", "an error"),
    ("v: -.INF", "number", "an error"),
    ("v: .nan", "number", "an error"),
    ("v: !!float 1", "number", "1"),
    ("v: 9007199254740993", "number", "9007199254740993"),
    ("v: -9007199254740993", "number", "-9007199254740993"),
    ("v: 18446744073709551615", "number", "18446744073709551615"),
    ("v: 18446744073709551616", "number", "18446744073709552000"),
    ("v: +18446744073709551615", "number", "18446744073709552000"),
    ("v: -9223372036854775809", "number", "-9223372036854776000"),
    ("v: 0xffffffffffffffff", "number", "18446744073709551615"),
    ("v: 07777777777777777777777", "number", "7.777777777777777e+21"),
    ("1.5: a", "number", "the key 1.5"),
    (".inf: a", "number", "the key .inf"),
    ("a: 1\na: 2", "duplicate", "the second"),
    ("\"1\": a\n1: b", "duplicate", "the last, in some order"),
    ("true: a\n\"true\": b", "duplicate", "the last, in some order"),
    ("a: &x {k: v}\nb:\n  <<: *x", "merge", "merged"),
    ("a: {<<: {k: v}}", "merge", "merged"),
    ("!!merge <<: {a: 1}", "merge", "merged"),
    ("<<: a", "merge", "an error"),
    ("~: a", "key", "an error"),
    ("? \n: b", "key", "an error"),
    ("? [a]\n: b", "key", "an error"),
    ("? {a: b}\n: c", "key", "an error"),
    ("[a]: b", "key", "an error"),
    ("v: !!int abc", "tag", "an error"),
    ("v: !!int 1.0", "number", "an error"),
    ("v: !!int ~", "tag", "an error"),
    ("v: !!bool x", "tag", "an error"),
    ("v: !!null x", "tag", "an error"),
    ("v: !foo 1", "tag", "\"1\""),
    ("v: !!foo 1", "tag", "\"1\""),
    ("v: !local {a: 1}", "tag", "the map"),
    ("v: !!str [a]", "tag", "the list"),
    ("v: !!set {a, b}", "tag", "a map of nulls"),
    ("v: !!timestamp 2001-01-01", "tag", "\"2001-01-01\""),
    ("%TAG !e! tag:e,1:\n---\na: !e!x 1", "tag", "\"1\""),
    ("v: !!binary /w==", "binary", "a replacement character"),
    ("v: !!binary a", "binary", "an error"),
    ("a: &x [*x]", "circular", "an error"),
    ("a: *nope", "syntax", "an error"),
    ("v: &x *x", "syntax", "an error"),
    ("%YAML 1.2\n---\na: yes", "version", "an error"),
    ("v: -", "syntax", "an error"),
    ("v: @a", "syntax", "an error"),
    ("v: a: b", "syntax", "an error"),
    ("v: [a, , b]", "syntax", "an error"),
    ("v: a\n\tb", "syntax", "an error"),
    ("a: 1\n b: 2", "syntax", "an error"),
    ("v: \"a\" \"b\"", "syntax", "an error"),
    ("v: [a", "syntax", "an error"),
];

fn kind(problem: &Problem) -> &'static str {
    match problem {
        Problem::NotAnInteger { .. } => "number",
        Problem::DuplicateKey { .. } => "duplicate",
        Problem::MergeKey { .. } => "merge",
        Problem::NotAKey { .. } => "key",
        Problem::Tag { .. } => "tag",
        Problem::Binary { .. } => "binary",
        Problem::CircularAlias { .. } => "circular",
        Problem::YamlVersion { .. } => "version",
        Problem::Syntax { format: "YAML", .. } => "syntax",
        _ => "another",
    }
}

#[test]
fn what_is_refused_is_refused_for_its_reason() {
    for (text, expected, theirs) in REFUSED {
        match read(text) {
            Ok(documents) => panic!("{text:?} was read as {documents:?}, theirs: {theirs}"),
            Err(failure) => {
                assert_eq!(kind(&failure.problem), *expected, "{text:?}: {failure:?}");
                assert!(failure.place.is_some(), "{text:?}");
            }
        }
    }
}

#[test]
fn problems_have_path_and_place() {
    let text = "spec:\n  files:\n  - mode: 1\n  - mode: 420.0\n";
    let failure = read(text).unwrap_err();
    let place = failure.place.unwrap();
    assert_eq!((place.line, place.column), (4, 11));
    assert!(matches!(failure.problem, Problem::NotAnInteger { path }
        if path == "$.spec.files[1].mode"));

    let failure = read("a:\n  b: 1\n  b: 2\n").unwrap_err();
    let place = failure.place.unwrap();
    assert_eq!((place.line, place.column), (3, 3));
    assert!(matches!(failure.problem, Problem::DuplicateKey { path, key }
        if path == "$.a" && key == "b"));
}

#[test]
fn documents_are_read_one_by_one_and_anchors_end_with_them() {
    let documents = read("# nothing\n---\n---\na: 1\n---\n# c\n---\n{b: 2}\n...\n").unwrap();
    assert_eq!(documents, [Value::Null, json!({"a": 1}), Value::Null, json!({"b": 2})]);
    assert!(read("# only a comment\n").unwrap().is_empty());
    assert_eq!(kind(&problem("a: &x 1\n---\nb: *x\n")), "syntax");
}

#[test]
fn alias_bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let inner = format!("*a{}, ", level - 1).repeat(10);
        laughs.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(matches!(problem(&laughs), Problem::TooManyValues { .. }));

    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(10_000), "*a, ".repeat(1_000));
    assert!(matches!(problem(&long), Problem::TooMuchText { .. }));

    // Each line is shallow; what the aliases make of them is not.
    let mut deep = String::from("a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n");
    for level in 1..10_000 {
        deep.push_str(&format!("a{level}: &a{level} [[[[*a{}]]]]\n", level - 1));
    }
    assert!(matches!(problem(&deep), Problem::TooDeep { .. }));
}

#[test]
fn depth_is_bounded() {
    let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&flow(100)).is_ok());
    let block: String = (0..101).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let texts = [
        flow(101),
        flow(200_000),
        "[".repeat(200_000),
        "{a: ".repeat(200_000),
        "- ".repeat(200_000),
        block,
    ];
    for text in texts {
        let problem = problem(&text);
        assert!(matches!(problem, Problem::TooDeep { limit: 100 }), "{:.20}: {problem:?}", text);
    }
}
