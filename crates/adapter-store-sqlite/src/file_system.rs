//! Which file systems are on a network.

/// A file system that is on a network, by the magic number that `statfs` gives (`statfs(2)` and
/// `linux/magic.h`). File systems in user space (FUSE) are not among them: most are local.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NetworkFileSystem {
    Nfs,
    Smb,
    Afs,
    Ceph,
    Lustre,
    Gfs2,
    Ocfs2,
    /// Plan 9's, by which virtual machines see directories of their host.
    V9fs,
    Coda,
}

impl NetworkFileSystem {
    /// The network file system with this magic number, if it is one.
    pub(crate) fn of(magic: u32) -> Option<Self> {
        match magic {
            0x0000_6969 => Some(Self::Nfs),
            // SMB, CIFS and SMB2.
            0x0000_517b | 0xff53_4d42 | 0xfe53_4d42 => Some(Self::Smb),
            // The kernel's client, and OpenAFS.
            0x6b41_4653 | 0x5346_414f => Some(Self::Afs),
            0x00c3_6400 => Some(Self::Ceph),
            0x0bd0_0bd0 => Some(Self::Lustre),
            0x0116_1970 => Some(Self::Gfs2),
            0x7461_636f => Some(Self::Ocfs2),
            0x0102_1997 => Some(Self::V9fs),
            0x7375_7245 => Some(Self::Coda),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_and_local_ones_are_not() {
        let network = [
            (0x6969, NetworkFileSystem::Nfs),
            (0xff53_4d42, NetworkFileSystem::Smb),
            (0xfe53_4d42, NetworkFileSystem::Smb),
            (0x0102_1997, NetworkFileSystem::V9fs),
            (0x00c3_6400, NetworkFileSystem::Ceph),
        ];
        for (magic, expected) in network {
            assert_eq!(NetworkFileSystem::of(magic), Some(expected), "{magic:x}");
        }
        // ext4, tmpfs, btrfs, xfs, zfs, overlayfs, FUSE.
        for magic in [
            0xef53,
            0x0102_1994,
            0x9123_683e,
            0x5846_5342,
            0x2fc1_2fc1,
            0x794c_7630,
            0x6573_5546,
        ] {
            assert_eq!(NetworkFileSystem::of(magic), None, "{magic:x}");
        }
    }
}
