//! Planting faults into a copy of the workspace, and running one scenario against each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Fault, faults, source};

/// Schedules in which a fault has to be found.
const SCHEDULES: u32 = 10_000;

/// What is copied of the workspace.
const COPIED: &[&str] = &["Cargo.toml", "Cargo.lock", "crates"];

#[test]
fn every_fault_is_found_within_ten_thousand_schedules() {
    let wanted = std::env::var("YOI_FAULTS").unwrap_or_default();
    let copy = Copy::make();
    let mut missed = Vec::new();
    for fault in faults().filter(|fault| fault.name.contains(&wanted)) {
        match copy.run(fault) {
            Ok(schedule) => println!(
                "| {} | {} | `{}` | {schedule} |",
                fault.invariant, fault.name, fault.scenario
            ),
            Err(output) => missed.push(format!("not found: {}\n{output}", fault.name)),
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// A copy of the workspace, into which faults are planted.
struct Copy {
    root: PathBuf,
    /// Beside the copy, so that the next run needn't build the dependencies again.
    target: PathBuf,
}

impl Copy {
    fn make() -> Self {
        let origin = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let root = directory.join("planted_faults");
        // An earlier run may have left the copy of an older state.
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        for name in COPIED {
            copy(&origin.join(name), &root.join(name));
        }
        Self {
            root,
            target: directory.join("planted_faults_target"),
        }
    }

    /// The number of the schedule that found the fault, or the output if none did.
    fn run(&self, fault: &Fault) -> Result<u32, String> {
        for edit in fault.edits {
            let file = self.source(edit.file);
            let faulty = fs::read_to_string(&file)
                .unwrap()
                .replace(edit.from, edit.to);
            fs::write(file, faulty).unwrap();
        }
        let output = Command::new(env!("CARGO"))
            .current_dir(&self.root)
            .args(["test", "--offline", "-p", "worker-runtime"])
            .args(["--features", "shuttle", "--lib", "--"])
            .args([
                "--exact",
                &format!("runtime::schedules::{}", fault.scenario),
            ])
            .env("CARGO_TARGET_DIR", &self.target)
            .env("YOI_SCHEDULES", SCHEDULES.to_string())
            .output()
            .unwrap();
        for edit in fault.edits {
            fs::write(self.source(edit.file), source(edit.file)).unwrap();
        }
        let stdout = String::from_utf8_lossy(&output.stdout);
        let number = stdout.split("violated by schedule ").nth(1);
        let number = number.and_then(|rest| rest.split(',').next()?.parse().ok());
        let stderr = String::from_utf8_lossy(&output.stderr);
        number.ok_or_else(|| format!("{stdout}\n{stderr}"))
    }

    fn source(&self, file: &str) -> PathBuf {
        self.root.join("crates/worker-runtime/src").join(file)
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
