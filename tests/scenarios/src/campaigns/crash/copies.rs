//! Copies of what an engine keeps on disk.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

/// Bytes that are left out of a copy when all of them are zero.
const BLOCK: usize = 4096;

/// Copies a folder with everything in it but sockets and libraries, which are made anew.
pub(super) fn tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        let (path, kind) = (file.path(), file.file_type()?);
        let copied = to.join(file.file_name());
        if kind.is_dir() {
            tree(&path, &copied)?;
        } else if kind.is_file() && path.extension().is_none_or(|it| it != "so") {
            sparse(&path, &copied)?;
        }
    }
    Ok(())
}

/// A store's file is mostly zeros, and there are hundreds of copies.
fn sparse(from: &Path, to: &Path) -> io::Result<()> {
    let mut bytes = Vec::new();
    File::open(from)?.read_to_end(&mut bytes)?;
    write_sparse(&bytes, to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// Writes a file without its zeros.
pub(super) fn write_sparse(bytes: &[u8], to: &Path) -> io::Result<()> {
    let mut copy = File::create(to)?;
    for (place, block) in bytes.chunks(BLOCK).enumerate() {
        if block.iter().any(|it| *it != 0) {
            copy.seek(SeekFrom::Start((place * BLOCK) as u64))?;
            copy.write_all(block)?;
        }
    }
    copy.set_len(bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        fs::create_dir(&from).unwrap();
        let mut bytes = vec![0_u8; 3 * BLOCK + 17];
        for place in [0, BLOCK + 3, 3 * BLOCK + 16] {
            bytes[place] = 7;
        }
        fs::write(from.join("db"), &bytes).unwrap();
        fs::write(from.join("empty"), [0_u8; 100]).unwrap();
        fs::write(from.join("left.so"), b"x").unwrap();
        tree(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("db")).unwrap(), bytes);
        assert_eq!(fs::read(to.join("empty")).unwrap(), [0_u8; 100]);
        assert!(!to.join("left.so").exists());
    }
}
