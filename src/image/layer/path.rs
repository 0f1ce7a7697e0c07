//! Which paths may be in a layer. Decides on bytes: file names need not be UTF-8.

/// Longest path, in bytes: `PATH_MAX` of Linux without the final NUL.
const PATH_LIMIT: usize = 4095;
/// Longest name, in bytes: `NAME_MAX` of Linux.
const NAME_LIMIT: usize = 255;
/// What names of whiteouts begin with (OCI image-spec, layer.md, "Whiteouts").
pub(super) const WHITEOUT_PREFIX: &[u8] = b".wh.";
/// The name of the whiteout that hides all that lower layers have in a directory.
pub(super) const OPAQUE: &[u8] = b".wh..wh..opq";

/// Checks a path in its one spelling: relative, no empty, `.` or `..` component.
pub(super) fn check_path(path: &[u8]) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("it is empty");
    }
    if path.len() > PATH_LIMIT {
        return Err("it is longer than 4095 bytes");
    }
    if path[0] == b'/' {
        return Err("it is absolute");
    }
    path.split(|byte| *byte == b'/').try_for_each(check_name)
}

fn check_name(name: &[u8]) -> Result<(), &'static str> {
    match name {
        b"" => Err("it has an empty component"),
        b"." => Err("it has the component \".\""),
        b".." => Err("it has the component \"..\""),
        _ if name.contains(&0) => Err("it has a NUL byte"),
        _ if name.len() > NAME_LIMIT => Err("it has a name longer than 255 bytes"),
        _ if name.starts_with(WHITEOUT_PREFIX) => {
            Err("names that begin with \".wh.\" stand for removed files")
        }
        _ => Ok(()),
    }
}

/// Checks the target of a symbolic link. It may lead anywhere: only what follows it has to care.
pub(super) fn check_target(target: &[u8]) -> Result<(), &'static str> {
    if target.is_empty() {
        Err("is empty")
    } else if target.len() > PATH_LIMIT {
        Err("is longer than 4095 bytes")
    } else if target.contains(&0) {
        Err("has a NUL byte")
    } else {
        Ok(())
    }
}

/// The one spelling of a path from an archive: without leading `./` and `/`, doubled and trailing
/// slashes. Empty for the root itself. What else is wrong with it is found when it is written.
#[must_use]
pub fn relative_path(path: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(path.len());
    for name in path.split(|byte| *byte == b'/') {
        if name.is_empty() || name == b"." {
            continue;
        }
        if !clean.is_empty() {
            clean.push(b'/');
        }
        clean.extend_from_slice(name);
    }
    clean
}

/// The parents of a path, from the nearest up.
pub(super) fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let slash = rest.iter().rposition(|byte| *byte == b'/')?;
        rest = &rest[..slash];
        Some(rest)
    })
}

/// Directory part with its slash, and last name.
pub(super) fn split_name(path: &[u8]) -> (&[u8], &[u8]) {
    let at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    path.split_at(at)
}

/// A path as messages show it: bounded, and what is no UTF-8 replaced.
pub(super) fn shown(path: &[u8]) -> String {
    const SHOWN: usize = 200;
    let cut = &path[..path.len().min(SHOWN)];
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if path.len() > SHOWN {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{check_path, parents, relative_path};

    #[test]
    fn paths_have_one_spelling() {
        for good in ["a", "a/b", "…/ü", "a b/c\nd", ".w/.whx", "..a/b..", "-", "\\"] {
            assert_eq!(check_path(good.as_bytes()), Ok(()), "{good:?}");
        }
        assert_eq!(check_path(b"a/\xff\xfe"), Ok(()), "names need not be UTF-8");
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "./a",
            "a/.",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "a\0b",
            ".wh.a",
            "a/.wh.b",
            "a/.wh..wh..opq",
            ".wh./a",
        ] {
            assert!(check_path(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(check_path("n".repeat(256).as_bytes()).is_err());
        assert!(check_path("n/".repeat(2048).as_bytes()).is_err());
    }

    #[test]
    fn archive_paths_become_relative() {
        for (from, to) in [
            ("./", ""),
            (".", ""),
            ("/", ""),
            ("./a//b/", "a/b"),
            ("///a", "a"),
            ("././a/./b", "a/b"),
            ("a/../b", "a/../b"),
        ] {
            assert_eq!(relative_path(from.as_bytes()), to.as_bytes(), "{from:?}");
        }
    }

    #[test]
    fn parents_go_up() {
        let up: Vec<_> = parents(b"a/b/c").collect();
        assert_eq!(up, [&b"a/b"[..], b"a"]);
        assert_eq!(parents(b"a").count(), 0);
    }
}
