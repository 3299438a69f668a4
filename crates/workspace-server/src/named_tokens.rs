//! Tokens of single clients, which `--token` names: read at the start and on SIGHUP.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http_api::{ClientName, ConnectionLimits, InvalidClientName, NamedToken, Quotas, Scope, Token};
use worker_runtime::Limits;

use crate::token_file::{self, TokenFileError};

/// The part of what all clients may use at once that one client may use if nothing else is set:
/// none can take all of it.
const DEFAULT_PART: usize = 2;

/// One client, the file of its token, and what it may do. Its `Debug` doesn't show the path.
#[derive(Clone)]
pub struct NamedTokenFile {
    /// Whose token it is.
    pub name: ClientName,
    /// Where the token is.
    pub file: PathBuf,
    /// What the client may do.
    pub scope: Scope,
    /// Most runs that it has started at once; `None` is half of all.
    pub runs: Option<usize>,
    /// Most of its requests that wait for events at once; `None` is half of all.
    pub polls: Option<usize>,
    /// Most bytes of its bodies and unread responses at once; `None` is half of what all bodies may
    /// have.
    pub bytes: Option<usize>,
}

/// A text that is no [`NamedTokenFile`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidNamedToken {
    /// It has no name or no file.
    #[error("expected NAME=FILE, and after it settings such as ,scope=read")]
    NoFile,
    /// The name can't be one.
    #[error(transparent)]
    Name(#[from] InvalidClientName),
    /// A setting is not one of ours.
    #[error("the settings are scope, runs, polls and bytes, each once")]
    UnknownSetting,
    /// The scope is unknown.
    #[error("the scope is `read` or `operate`")]
    UnknownScope,
    /// A quota is no number.
    #[error("a quota is a whole number")]
    NotANumber,
}

/// Why a client's token can't be used. Carries neither the path nor the token.
#[derive(Debug, thiserror::Error)]
pub enum NamedTokenError {
    /// Its file has none.
    #[error(transparent)]
    File(#[from] TokenFileError),
    /// It is the owner's, or that of a client before it.
    #[error("it is another client's token, too")]
    NotItsOwn,
}

/// The clients whose tokens can't be used, and why.
pub(crate) type Refused = Vec<(ClientName, NamedTokenError)>;

/// The tokens in `files`, and why others can't be read.
pub(crate) fn read(files: &[NamedTokenFile], default_quotas: Quotas) -> (Vec<NamedToken>, Refused) {
    let (mut tokens, mut refused) = (Vec::with_capacity(files.len()), Vec::new());
    for file in files {
        match token_file::read(&file.file) {
            Ok(token) => tokens.push(NamedToken {
                name: file.name.clone(),
                scope: file.scope,
                quotas: Quotas {
                    runs: file.runs.unwrap_or(default_quotas.runs),
                    polls: file.polls.unwrap_or(default_quotas.polls),
                    bytes: file.bytes.unwrap_or(default_quotas.bytes),
                },
                token,
            }),
            Err(error) => refused.push((file.name.clone(), error.into())),
        }
    }
    (tokens, refused)
}

/// Those of `tokens` that are their clients' own: neither the `owner`'s nor an earlier client's.
pub(crate) fn distinct(tokens: &[NamedToken], owner: Option<&Token>) -> (Vec<NamedToken>, Refused) {
    let (mut distinct, mut refused) = (Vec::<NamedToken>::with_capacity(tokens.len()), Vec::new());
    for named in tokens {
        let others = distinct.iter().map(|other| &other.token);
        let is_own = |other: &Token| !other.matches(named.token.reveal().as_bytes());
        if owner.into_iter().chain(others).all(is_own) {
            distinct.push(named.clone());
        } else {
            refused.push((named.name.clone(), NamedTokenError::NotItsOwn));
        }
    }
    (distinct, refused)
}

/// What a client may use if nothing else is set: half of what all may.
pub(crate) fn default_quotas(limits: &Limits, connection: &ConnectionLimits) -> Quotas {
    let part = |all: usize| (all / DEFAULT_PART).max(1);
    Quotas {
        runs: part(limits.concurrent_runs),
        polls: part(limits.pollers),
        bytes: part(connection.bodies_bytes),
    }
}

impl FromStr for NamedTokenFile {
    type Err = InvalidNamedToken;

    fn from_str(text: &str) -> Result<Self, InvalidNamedToken> {
        let mut parts = text.split(',');
        let named = parts.next().and_then(|first| first.split_once('='));
        let (name, file) = named.ok_or(InvalidNamedToken::NoFile)?;
        if file.is_empty() {
            return Err(InvalidNamedToken::NoFile);
        }
        let (mut scope, mut runs, mut polls, mut bytes) = (None, None, None, None);
        for setting in parts {
            let setting = setting.split_once('=');
            let (key, value) = setting.ok_or(InvalidNamedToken::UnknownSetting)?;
            match key {
                "scope" => set(&mut scope, parse_scope(value)?)?,
                "runs" => set(&mut runs, parse_quota(value)?)?,
                "polls" => set(&mut polls, parse_quota(value)?)?,
                "bytes" => set(&mut bytes, parse_quota(value)?)?,
                _ => return Err(InvalidNamedToken::UnknownSetting),
            }
        }
        Ok(Self {
            name: name.parse()?,
            file: file.into(),
            scope: scope.unwrap_or(Scope::Operate),
            runs,
            polls,
            bytes,
        })
    }
}

fn set<T>(setting: &mut Option<T>, value: T) -> Result<(), InvalidNamedToken> {
    match setting.replace(value) {
        None => Ok(()),
        Some(_) => Err(InvalidNamedToken::UnknownSetting),
    }
}

fn parse_scope(text: &str) -> Result<Scope, InvalidNamedToken> {
    match text {
        "read" => Ok(Scope::Read),
        "operate" => Ok(Scope::Operate),
        _ => Err(InvalidNamedToken::UnknownScope),
    }
}

fn parse_quota(text: &str) -> Result<usize, InvalidNamedToken> {
    text.parse().map_err(|_| InvalidNamedToken::NotANumber)
}

impl fmt::Debug for NamedTokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedTokenFile")
            .field("name", &self.name)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const HALF: Quotas = Quotas {
        runs: 32,
        polls: 64,
        bytes: 1024,
    };

    #[test]
    fn a_client_operates_within_half_of_everything_unless_something_else_is_set() {
        let plain: NamedTokenFile = "ci=/run/a=b".parse().unwrap();
        assert_eq!((plain.name.as_str(), plain.scope), ("ci", Scope::Operate));
        assert_eq!(plain.file, PathBuf::from("/run/a=b"));
        assert_eq!((plain.runs, plain.polls, plain.bytes), (None, None, None));
        let set: NamedTokenFile = "ci=f,scope=read,runs=0,polls=2,bytes=3".parse().unwrap();
        assert_eq!(set.scope, Scope::Read);
        assert_eq!(
            (set.runs, set.polls, set.bytes),
            (Some(0), Some(2), Some(3))
        );
        assert!(!format!("{plain:?}").contains("run"), "{plain:?}");
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let parse = |text: &str| text.parse::<NamedTokenFile>().unwrap_err();
        for text in ["", "ci", "ci=", "ci=,scope=read"] {
            assert_eq!(parse(text), InvalidNamedToken::NoFile, "{text}");
        }
        for text in ["ci=f,", "ci=f,read", "ci=f,x=1", "ci=f,runs=1,runs=1"] {
            assert_eq!(parse(text), InvalidNamedToken::UnknownSetting, "{text}");
        }
        assert_eq!(parse("ci=f,scope=all"), InvalidNamedToken::UnknownScope);
        assert_eq!(parse("ci=f,runs=-1"), InvalidNamedToken::NotANumber);
        assert!(matches!(parse("owner=f"), InvalidNamedToken::Name(_)));
    }

    #[test]
    fn a_token_that_is_missing_or_another_client_s_is_left_out_and_that_is_said() {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str, token: &str| {
            let path = home.path().join(name);
            fs::write(&path, token).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let text = format!("{name}={}", path.display());
            text.parse::<NamedTokenFile>().unwrap()
        };
        let owner = "x".repeat(30);
        let files = [
            file("one", &"a".repeat(30)),
            file("two", &"a".repeat(30)),
            file("three", &owner),
            "four=/nowhere".parse().unwrap(),
            file("five", &"b".repeat(30)),
        ];
        let (tokens, unreadable) = read(&files, HALF);
        assert!(tokens.iter().all(|token| token.quotas == HALF));
        let [(name, NamedTokenError::File(_))] = &unreadable[..] else {
            panic!("{unreadable:?}");
        };
        assert_eq!(name.as_str(), "four");
        let (tokens, refused) = distinct(&tokens, Some(&owner.parse().unwrap()));
        let names: Vec<_> = tokens.iter().map(|token| token.name.as_str()).collect();
        assert_eq!(names, ["one", "five"]);
        let refused: Vec<_> = refused.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(refused, ["two", "three"]);
    }
}
