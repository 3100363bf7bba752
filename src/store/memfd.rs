//! A record in memory that nobody can change any more: a sealed file without a name.

use std::{
    io::{self, Error},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create},
    io::{Errno, pread, write},
};
use zeroize::Zeroizing;

use super::LARGEST;

/// What has to be on a file before it is read, and is put on each that is written.
const SEALS: SealFlags =
    SealFlags::WRITE.union(SealFlags::GROW).union(SealFlags::SHRINK).union(SealFlags::SEAL);

/// A file with these bytes, closed on exec.
pub(super) fn seal(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag, and later ones ask for it.
    let file = match memfd_create("ucssod-record", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create("ucssod-record", flags),
        file => file,
    }?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = write(&file, rest)?;
        rest = &rest[written..];
    }
    fcntl_add_seals(&file, SEALS)?;
    Ok(file)
}

/// The bytes of such a file. One that somebody could still change is refused, and so is one that
/// is too large or no such file at all.
pub(super) fn unseal(file: impl AsFd) -> io::Result<Zeroizing<Vec<u8>>> {
    let seals = fcntl_get_seals(&file)?;
    if !seals.contains(SEALS) {
        return Err(Error::other("it is not sealed"));
    }
    let size = usize::try_from(fstat(&file)?.st_size).ok().filter(|size| *size <= LARGEST);
    let size = size.ok_or_else(|| Error::other("it is too large"))?;
    let mut bytes = Zeroizing::new(vec![0; size]);
    let mut read = 0;
    while read < size {
        // Not from where the offset is: that is shared with whoever else has the file.
        match pread(&file, &mut bytes[read..], read as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn unsealed(seals: SealFlags, size: usize) -> OwnedFd {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create("test", flags).unwrap();
        rustix::fs::ftruncate(&file, size as u64).unwrap();
        fcntl_add_seals(&file, seals).unwrap();
        file
    }

    #[test]
    fn what_is_sealed_is_read_from_the_beginning_and_cannot_be_changed() {
        let file = seal(b"a record").unwrap();

        assert_eq!(unseal(&file).unwrap().as_slice(), b"a record");
        assert_eq!(unseal(&file).unwrap().as_slice(), b"a record");
        assert_eq!(write(&file, b"x"), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&file, 0), Err(Errno::PERM));
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }

    #[test]
    fn a_file_that_somebody_could_change_is_refused() {
        for missing in [SealFlags::WRITE, SealFlags::GROW, SealFlags::SHRINK, SealFlags::SEAL] {
            let refused = unseal(unsealed(SEALS - missing, 10)).unwrap_err();
            assert_eq!(refused.to_string(), "it is not sealed");
        }
        assert!(unseal(unsealed(SEALS, 10)).is_ok());
    }

    #[test]
    fn what_is_too_large_or_no_such_file_is_refused() {
        let large = unseal(unsealed(SEALS, LARGEST + 1)).unwrap_err();

        assert_eq!(large.to_string(), "it is too large");
        assert!(unseal(File::open("/dev/null").unwrap()).is_err());
        assert!(unseal(tempfile::tempfile().unwrap()).is_err());
        let (socket, _) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(unseal(socket).is_err());
    }
}
