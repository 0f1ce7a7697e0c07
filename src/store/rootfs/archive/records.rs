//! The PAX records of a member (POSIX.1-2008, pax, "pax Extended Header"): the file capability is
//! taken; what would make two programs read two things is refused.

use std::io::Read;

use tar::PaxExtensions;

/// Records that the `tar` crate applies, and that must be there once at most.
const APPLIED: [&[u8]; 5] = [b"path", b"linkpath", b"size", b"uid", b"gid"];
/// Where a file capability is kept by star, GNU tar and bsdtar.
const CAPABILITY: &[u8] = b"SCHILY.xattr.security.capability";
/// Longest value of a file capability that Linux knows, in bytes (`struct vfs_ns_cap_data`).
const CAPABILITY_LIMIT: usize = 24;

/// What the records of one member say.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Value of the attribute `security.capability`.
    pub(super) capability: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

impl Records {
    /// Reads the records before this member.
    pub(super) fn read(entry: &mut tar::Entry<'_, impl Read>) -> Result<Self, &'static str> {
        let mut records = Self::default();
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let Some(found) = entry.pax_extensions().map_err(|_| UNREADABLE)? else {
            return Ok(records);
        };
        for record in found {
            let record = record.map_err(|_| UNREADABLE)?;
            let (key, value) = (record.key_bytes(), record.value_bytes());
            if key.starts_with(b"GNU.sparse.") {
                return Err("it is a sparse file in PAX form; archive it without --sparse");
            }
            if key != CAPABILITY && !APPLIED.contains(&key) {
                continue;
            }
            if seen.iter().any(|known| known == key) {
                return Err("it has one PAX record twice; make the archive again");
            }
            seen.push(key.to_vec());
            match key {
                b"path" => records.path = Some(value.to_vec()),
                b"linkpath" => records.target = Some(value.to_vec()),
                CAPABILITY if value.len() > CAPABILITY_LIMIT => {
                    return Err("its file capability is longer than Linux knows");
                }
                CAPABILITY => records.capability = Some(value.to_vec()),
                _ if !is_number(value) => {
                    return Err("one of its PAX records should be a number and is none");
                }
                _ => {}
            }
        }
        Ok(records)
    }

    /// Whether path and target are what the records say, and not what another header says.
    pub(super) fn check(&self, path: &[u8], target: &[u8]) -> Result<(), &'static str> {
        let same = |record: &Option<Vec<u8>>, used: &[u8]| {
            record.as_deref().is_none_or(|record| record == used)
        };
        if same(&self.path, path) && same(&self.target, target) {
            Ok(())
        } else {
            Err("it has two different long names; make the archive again")
        }
    }
}

/// The `tar` crate splits records at line ends: a value with one in it cannot be read.
const UNREADABLE: &str = "its PAX records cannot be read (a line end in a name or attribute?); \
                          unpack the archive and pack it as dir:PATH";

fn is_number(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| {
        text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
    })
}

/// Global records, which apply to all members that follow, may only say what is not packed anyway.
pub(super) fn check_global(entry: &mut tar::Entry<'_, impl Read>) -> Result<(), &'static str> {
    const HARMLESS: [&[u8]; 4] = [b"comment", b"mtime", b"atime", b"ctime"];
    const REFUSED: &str = "global PAX records that change names, sizes or owners are not read; \
                           make the archive without them";
    let mut global = Vec::new();
    if entry.size() > super::DESCRIPTION_LIMIT || entry.read_to_end(&mut global).is_err() {
        return Err(REFUSED);
    }
    for record in PaxExtensions::new(&global) {
        if !HARMLESS.contains(&record.map_err(|_| UNREADABLE)?.key_bytes()) {
            return Err(REFUSED);
        }
    }
    // With its content read, what is left are records before it: of which member, is anyone's guess.
    let local = entry.pax_extensions().map_err(|_| UNREADABLE)?;
    if local.into_iter().flatten().next().is_some() {
        return Err(REFUSED);
    }
    Ok(())
}
