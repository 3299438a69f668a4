//! Memory, open files and processor time of a process (`proc_pid_status(5)`, `proc_pid_stat(5)`).

use std::fs;
use std::time::Duration;

use crate::failure::Failure;

/// A process at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessStats {
    pub(crate) resident_bytes: u64,
    /// Open files, sockets included.
    pub(crate) open_files: usize,
    /// Time that its threads have computed, in user space and in the kernel.
    pub(crate) cpu: Duration,
}

impl ProcessStats {
    pub(crate) fn read(id: u32) -> Result<Self, Failure> {
        let status = fs::read_to_string(format!("/proc/{id}/status"))
            .map_err(Failure::io("reading the server's memory"))?;
        let open_files = fs::read_dir(format!("/proc/{id}/fd"))
            .map_err(Failure::io("counting the server's files"))?
            .count();
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok())
            .ok_or_else(|| Failure::Protocol("/proc has no VmRSS".to_owned()))?;
        Ok(Self {
            resident_bytes: kibibytes * 1024,
            open_files,
            cpu: cpu_time(id)?,
        })
    }
}

fn cpu_time(id: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))
        .map_err(Failure::io("reading the server's time"))?;
    // The second field is a name in brackets, which may hold anything.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let fields: Vec<u64> = fields
        .split(' ')
        .skip(11)
        .take(2)
        .flat_map(str::parse)
        .collect();
    let [user, system] = fields[..] else {
        return Err(Failure::Protocol("/proc has no processor time".to_owned()));
    };
    let ticks_per_s = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(
        (user + system) * 1_000_000 / ticks_per_s,
    ))
}

/// Bytes in mebibytes with one decimal.
pub(crate) fn format_mib(bytes: u64) -> String {
    let tenths = bytes * 10 / (1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_read_itself() {
        let stats = ProcessStats::read(std::process::id()).unwrap();
        assert!(stats.resident_bytes > 0 && stats.open_files > 2);
        assert_eq!(format_mib(3 * 1024 * 1024 / 2), "1.5 MiB");
    }
}
