//! Archives that are damaged, or made to mislead.

use super::*;
use tar::{Builder, EntryType, Header};

/// A header as an attacker writes it: any bytes as names.
fn header(kind: EntryType, path: &[u8], target: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_cksum();
    header
}

fn made(build: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    build(&mut builder);
    builder.into_inner().unwrap()
}

fn one(kind: EntryType, path: &[u8], target: &[u8]) -> Vec<u8> {
    made(|tar| tar.append(&header(kind, path, target, 0), &b""[..]).unwrap())
}

fn files(paths: &[&str]) -> Vec<u8> {
    made(|tar| {
        for path in paths {
            let header = header(EntryType::Regular, path.as_bytes(), b"", 1);
            tar.append(&header, &b"x"[..]).unwrap();
        }
    })
}

fn with_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    made(|tar| {
        tar.append_pax_extensions(records.iter().copied()).unwrap();
        let header = header(EntryType::Regular, b"file", b"", 0);
        tar.append(&header, &b""[..]).unwrap();
    })
}

fn global(records: &[u8]) -> Vec<u8> {
    made(|tar| {
        let header = header(EntryType::XGlobalHeader, b"g", b"", records.len() as u64);
        tar.append(&header, records).unwrap();
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed(bytes: &[u8]) -> Result<Digest, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    archive(file.path()).diff_id().map_err(|error| text(&error))
}

#[test]
fn each_is_refused_by_its_reason() {
    let good = files(&["a", "b"]);
    let long_twice = made(|tar| {
        let name = b"long-name\0";
        let long = header(EntryType::GNULongName, b"././@LongLink", b"", 10);
        tar.append_pax_extensions([("path", &b"other-name"[..])]).unwrap();
        tar.append(&long, &name[..]).unwrap();
        tar.append(&header(EntryType::Regular, b"short", b"", 0), &b""[..]).unwrap();
    });
    let through_a_link = made(|tar| {
        tar.append(&header(EntryType::Symlink, b"a", b"/etc", 0), &b""[..]).unwrap();
        tar.append(&header(EntryType::Regular, b"a/passwd", b"", 0), &b""[..]).unwrap();
    });
    let local_before_global = made(|tar| {
        tar.append_pax_extensions([("comment", &b"whose?"[..])]).unwrap();
        tar.append(&header(EntryType::XGlobalHeader, b"g", b"", 0), &b""[..]).unwrap();
    });
    let mut wrong_checksum = good.clone();
    wrong_checksum[0] ^= 1;
    let mut glued = good.clone();
    glued.extend_from_slice(&files(&["c"]));
    let mut bad_crc = gzip(&good);
    let at = bad_crc.len() - 8;
    bad_crc[at] ^= 1;
    let mut endless = good.clone();
    endless.resize(20 << 20, 0);
    let mut no_octal = header(EntryType::Regular, b"a", b"", 0);
    no_octal.as_old_mut().mode = *b"rw-r--r-";
    no_octal.set_cksum();
    let mut large_owner = header(EntryType::Regular, b"a", b"", 0);
    large_owner.set_uid(1 << 40);
    large_owner.set_cksum();
    let alone = |header: &Header| made(|tar| tar.append(header, &b""[..]).unwrap());

    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("\"..\"", files(&["../up"])),
        ("\"..\"", files(&["a/../../up"])),
        ("stand for removed files", files(&["a/.wh.b"])),
        ("stand for removed files", files(&[".wh..wh..opq"])),
        ("twice", files(&["a", "a"])),
        ("twice", files(&["a", "./a"])),
        ("twice", files(&["a", "/a"])),
        ("no directory", files(&["a", "a/b"])),
        ("lies below it", files(&["a/b", "a"])),
        ("no directory", through_a_link),
        ("before it", one(EntryType::Link, b"a", b"/etc/passwd")),
        ("relative path", one(EntryType::Link, b"a", b"../etc/passwd")),
        ("target is empty", one(EntryType::Symlink, b"a", b"")),
        ("is empty", one(EntryType::Regular, b".", b"")),
        ("not packed", one(EntryType::new(b'V'), b"a", b"")),
        (
            "only files have content",
            made(|tar| {
                tar.append(&header(EntryType::Symlink, b"a", b"b", 1), &b"x"[..]).unwrap();
            }),
        ),
        ("no octal number", alone(&no_octal)),
        ("no number below", alone(&large_owner)),
        ("two different long names", long_twice),
        ("twice", with_records(&[("path", b"a"), ("path", b"b")])),
        ("cannot be read", with_records(&[("path", b"a\nb")])),
        ("should be a number", with_records(&[("uid", b"-1")])),
        ("should be a number", with_records(&[("size", b"0x1")])),
        ("longer than Linux", with_records(&[("SCHILY.xattr.security.capability", &[1; 25])])),
        ("without --sparse", with_records(&[("GNU.sparse.major", b"1")])),
        ("\"..\"", with_records(&[("path", b"../../etc/passwd")])),
        ("global PAX records", global(b"11 path=ab\n")),
        ("global PAX records", global(b"11 gid=123\n\n")),
        ("global PAX records", local_before_global),
        ("cut off", Vec::new()),
        ("cut off", good[..1024].to_vec()),
        ("can be read to its end", good[..700].to_vec()),
        ("can be read to its end", good[..513].to_vec()),
        ("can be read to its end", gzip(&good)[..60].to_vec()),
        ("can be read to its end", bad_crc),
        ("checksum", wrong_checksum),
        ("follows its end", glued),
        ("follows its end", endless),
        ("compressed by zstd", b"\x28\xb5\x2f\xfd1234567890".to_vec()),
        ("compressed by xz", b"\xfd7zXZ\0\0\0\0\0".to_vec()),
        ("compressed by bzip2", b"BZh91AY&SY".to_vec()),
        ("can be read to its end", b"this is a letter and no archive".repeat(100)),
    ];
    for (at, (expected, bytes)) in cases.into_iter().enumerate() {
        let message = packed(&bytes).expect_err(expected);
        assert!(message.contains(expected), "case {at}: {expected}: {message}");
        assert!(!message.contains('\0') && message.len() < 1000, "case {at}");
    }
}

#[test]
fn harmless_oddities_are_read() {
    let wanted = packed(&files(&["a/b"])).unwrap();
    assert_eq!(packed(&files(&["/a/b"])), Ok(wanted), "absolute paths become relative");
    assert_eq!(packed(&files(&["././a//b"])), Ok(wanted));
    let mut with_comment = global(b"15 comment=abc\n");
    with_comment.truncate(with_comment.len() - 1024);
    with_comment.extend_from_slice(&files(&["a/b"]));
    assert_eq!(packed(&with_comment), Ok(wanted));
    let root_only = made(|tar| {
        tar.append(&header(EntryType::Directory, b"./", b"", 0), &b""[..]).unwrap();
    });
    assert_eq!(packed(&root_only), packed(&made(|_| {})));
    let mut old = header(EntryType::Regular, b"d/", b"", 0);
    old.as_old_mut().linkflag = [0];
    old.set_cksum();
    let old = made(|tar| tar.append(&old, &b""[..]).unwrap());
    assert_eq!(packed(&old), packed(&one(EntryType::Directory, b"d", b"")));
}

#[test]
fn descriptions_without_end_cost_no_memory() {
    // A small file becomes a "long name" of 128 MiB. In a process of its own: tests that run
    // beside it need memory too.
    struct Name(u64);
    impl Read for Name {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = buffer.len().min(usize::try_from(self.0).unwrap());
            buffer[..length].fill(b'n');
            self.0 -= length as u64;
            Ok(length)
        }
    }
    let kinds = [EntryType::GNULongName, EntryType::XHeader, EntryType::XGlobalHeader];
    if let Some(path) = std::env::var_os("LAYERWRIGHT_TEST_CHILD") {
        let message = text(&archive(Path::new(&path)).diff_id().unwrap_err());
        assert!(
            message.contains("more than a mebibyte") || message.contains("global PAX records"),
            "{message}"
        );
        let peak = peak_memory();
        assert!(peak < 48 << 10, "{peak} KiB");
        return;
    }
    for kind in kinds {
        let file = tempfile::NamedTempFile::new().unwrap();
        let encoder =
            flate2::write::GzEncoder::new(file.reopen().unwrap(), flate2::Compression::fast());
        let mut builder = Builder::new(encoder);
        let size = 128 << 20;
        builder.append(&header(kind, b"bomb", b"", size), Name(size)).unwrap();
        builder.into_inner().unwrap().finish().unwrap();
        let test = "hostile::descriptions_without_end_cost_no_memory";
        disks::passes(disks::child(test, file.path(), None));
    }
}

#[test]
fn a_sparse_file_larger_than_any_disk_is_refused_at_once() {
    let mut header = header(EntryType::GNUSparse, b"huge", b"", 0);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(1 << 60);
    gnu.sparse[0].set_offset(1 << 60);
    gnu.sparse[0].set_length(0);
    header.set_cksum();
    let bytes = made(|tar| tar.append(&header, &b""[..]).unwrap());
    let message = packed(&bytes).unwrap_err();
    assert!(message.contains("larger than"), "{message}");
}

#[test]
fn no_flipped_byte_breaks_the_reader() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir(&root).unwrap();
    odd_root(&root);
    let path = scratch.path().join("root.tar");
    gnu_tar(&root, &path, &["--sort=name", "--format=pax", "--blocking-factor=1"]);
    let good = fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (0..good.len()).step_by(13) {
        let mut bad = good.clone();
        bad[at] = bad[at].wrapping_add(1);
        refused += u32::from(packed(&bad).is_err());
    }
    assert!(refused > 100, "only {refused} refused");
}

/// Most memory that this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
