//! What the operating system says of a process (`proc_pid_status(5)`).

use std::fs;

use crate::failure::Failure;

/// A process, read at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
    /// The most resident memory that it ever had, in bytes.
    pub(crate) peak_bytes: u64,
    /// Open files, sockets included.
    pub(crate) open_files: usize,
}

impl Reading {
    /// Reads the process `id`.
    pub(crate) fn of(id: u32) -> Result<Self, Failure> {
        let status = fs::read_to_string(format!("/proc/{id}/status"))
            .map_err(Failure::io("reading the server's memory"))?;
        let open_files = fs::read_dir(format!("/proc/{id}/fd"))
            .map_err(Failure::io("counting the server's files"))?
            .count();
        let bytes = |field: &'static str| {
            kibibytes(&status, field)
                .map(|kibibytes| kibibytes * 1024)
                .ok_or_else(|| Failure::Undocumented(format!("/proc has no {field}")))
        };
        Ok(Self {
            resident_bytes: bytes("VmRSS:")?,
            peak_bytes: bytes("VmHWM:")?,
            open_files,
        })
    }
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(field))?;
    rest.trim().strip_suffix(" kB")?.parse().ok()
}

/// Bytes as people read them.
pub(crate) fn shown(bytes: u64) -> String {
    let tenths = bytes * 10 / (1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_read_itself() {
        let reading = Reading::of(std::process::id()).unwrap();
        assert!(reading.resident_bytes > 0 && reading.peak_bytes >= reading.resident_bytes);
        assert!(reading.open_files > 2);
    }

    #[test]
    fn bytes_are_shown_with_one_digit_after_the_point() {
        assert_eq!(shown(3 * 1024 * 1024 / 2), "1.5 MiB");
    }
}
