//! Where the data directory is: the order in which flag and environment are asked.

use std::ffi::OsString;
use std::path::PathBuf;

/// Names the data directory.
pub const DATA_DIR_VARIABLE: &str = "YOI_DATA_DIR";
/// Names the data directory where [`DATA_DIR_VARIABLE`] does not.
pub const HOME_VARIABLE: &str = "YOI_HOME";
/// The data directory within the user's home directory, where nothing else names one.
pub const DIRECTORY_IN_HOME: &str = ".yoi";

/// The data directory: the flag, else `YOI_DATA_DIR`, else `YOI_HOME`, else `~/.yoi`. An
/// empty value counts as unset. `None` when there is no home directory either.
///
/// `variable` looks up an environment variable, usually `|name| std::env::var_os(name)`.
/// Pure: whether the directory exists is not asked here.
pub fn resolve(
    flag: Option<PathBuf>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    flag.filter(|path| !path.as_os_str().is_empty())
        .or_else(|| set(DATA_DIR_VARIABLE).map(PathBuf::from))
        .or_else(|| set(HOME_VARIABLE).map(PathBuf::from))
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(DIRECTORY_IN_HOME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(flag: Option<&str>, variables: &[(&str, &str)]) -> Option<PathBuf> {
        resolve(flag.map(PathBuf::from), |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_flag_comes_before_the_variables_and_they_come_in_order() {
        let all = [
            ("YOI_DATA_DIR", "/data"),
            ("YOI_HOME", "/yoi"),
            ("HOME", "/home/me"),
        ];
        assert_eq!(resolved(Some("/flag"), &all), Some("/flag".into()));
        assert_eq!(resolved(None, &all), Some("/data".into()));
        assert_eq!(resolved(None, &all[1..]), Some("/yoi".into()));
        assert_eq!(resolved(None, &all[2..]), Some("/home/me/.yoi".into()));
        assert_eq!(resolved(None, &[]), None);
    }

    #[test]
    fn an_empty_value_counts_as_unset() {
        let empty = [("YOI_DATA_DIR", ""), ("YOI_HOME", ""), ("HOME", "/home/me")];
        assert_eq!(resolved(Some(""), &empty), Some("/home/me/.yoi".into()));
        assert_eq!(resolved(None, &[("HOME", "")]), None);
    }
}
