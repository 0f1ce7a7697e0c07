//! The paths that code names, with grouped imports written out.

use super::source::is_word;

/// Every path in the code, as `a::b::c`, and every name of a macro, as `name!`. `use a::{b, c::d}`
/// gives `a::b` and `a::c::d`; `use a as x` gives `a`.
pub fn paths(code: &str) -> Vec<String> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_name(&tokens[at]) {
            at = path(&tokens, at, "", &mut found);
        } else {
            at += 1;
        }
    }
    found
}

fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(is_word)
}

/// Names, `::`, and single characters.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut characters = code.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            continue;
        }
        let mut token = character.to_string();
        if is_word(character) {
            while let Some(next) = characters.next_if(|next| is_word(*next)) {
                token.push(next);
            }
        } else if character == ':' && characters.next_if_eq(&':').is_some() {
            token.push(':');
        }
        tokens.push(token);
    }
    tokens
}

/// Reads the path that begins at `at`, below `prefix`; the place after it.
fn path(tokens: &[String], mut at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    let mut name = prefix.to_owned();
    while let Some(part) = tokens.get(at).filter(|token| is_name(token)) {
        name = if name.is_empty() { part.clone() } else { format!("{name}::{part}") };
        at += 1;
        match tokens.get(at).map(String::as_str) {
            Some("::") => at += 1,
            Some("!") => {
                found.push(format!("{name}!"));
                return at + 1;
            }
            _ => {
                found.push(name);
                return at;
            }
        }
    }
    match tokens.get(at).map(String::as_str) {
        Some("{") => group(tokens, at + 1, &name, found),
        _ => {
            // `a::*`, `a::<T>`: what follows is read on its own.
            found.push(name);
            at
        }
    }
}

/// Reads what stands in the braces of an import; the place after them.
fn group(tokens: &[String], mut at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "}" => return at + 1,
            // The new name of the import before; not a path.
            "as" => at += 2,
            _ if is_name(token) => at = path(tokens, at, prefix, found),
            "*" => {
                found.push(prefix.to_owned());
                at += 1;
            }
            _ => at += 1,
        }
    }
    at
}

#[test]
fn grouped_imports_are_written_out() {
    for (code, wanted) in [
        ("use std::fs;", &["use", "std::fs"][..]),
        (
            "use std::{fmt, io::{self, Write}};",
            &["use", "std::fmt", "std::io::self", "std::io::Write"],
        ),
        ("use std::{fs as disk, env};", &["use", "std::fs", "std::env"]),
        ("use a::*;", &["use", "a"]),
        ("use a::{b, *};", &["use", "a::b", "a"]),
        ("std :: fs :: read(x)", &["std::fs::read", "x"]),
        ("::std::fs::read", &["std::fs::read"]),
        ("Vec::<std::fs::File>::new()", &["Vec", "std::fs::File", "new"]),
        ("env!(a)", &["env!", "a"]),
        ("std::env!(a)", &["std::env!", "a"]),
        ("if x::Y {}", &["if", "x::Y"]),
    ] {
        assert_eq!(paths(code), wanted, "{code}");
    }
}
