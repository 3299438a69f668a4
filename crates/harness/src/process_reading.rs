//! What the operating system says of a process (`proc_pid_status(5)`, `proc_pid_stat(5)`).

use std::fs;
use std::time::Duration;

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

/// The processor time, in user mode and in the kernel, that the process `id` has used.
pub(crate) fn processor_time(id: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))
        .map_err(Failure::io("reading the server's processor time"))?;
    let ticks = processor_ticks(&stat)
        .ok_or_else(|| Failure::Undocumented("/proc has no processor time".to_owned()))?;
    let nanoseconds = ticks * 1_000_000_000 / rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(nanoseconds))
}

/// The fields 14 and 15. The second one, the program's name, may hold spaces and brackets.
fn processor_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let (user, kernel): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + kernel)
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
    fn processor_time_is_found_behind_a_name_with_brackets() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 200 0 0 31 11 5 6 20 0 1 0 9\n";
        assert_eq!(processor_ticks(stat), Some(42));
        assert!(processor_time(std::process::id()).is_ok());
    }

    #[test]
    fn bytes_are_shown_with_one_digit_after_the_point() {
        assert_eq!(shown(3 * 1024 * 1024 / 2), "1.5 MiB");
    }
}
