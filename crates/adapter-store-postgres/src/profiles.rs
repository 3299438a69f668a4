//! The profiles that were read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::ClientWrapper;
use worker_runtime::Profile;
use worker_runtime::store::columns::Unreadable;

use crate::failure::Failure;
use crate::translate::Columns;

/// Profiles that are kept: more than a workspace usually has.
const PROFILES_KEPT: usize = 64;

/// The profiles that were read, by the hashes of their texts: many workers have the same.
#[derive(Default)]
pub(crate) struct Profiles(Mutex<HashMap<Vec<u8>, Profile>>);

impl Profiles {
    fn known(&self, digest: &[u8]) -> Option<Profile> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).cloned()
    }

    fn keep(&self, digest: &[u8], profile: &Profile) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PROFILES_KEPT {
            known.clear();
        }
        known.insert(digest.to_vec(), profile.clone());
    }

    pub(crate) async fn get(
        &self,
        session: &ClientWrapper,
        workspace: i32,
        digest: &[u8],
    ) -> Result<Profile, Failure> {
        if let Some(profile) = self.known(digest) {
            return Ok(profile);
        }
        let sql = "SELECT text FROM yoi.profile WHERE workspace = $1 AND digest = $2";
        let select = session.prepare_cached(sql).await?;
        let row = session.query_opt(&select, &[&workspace, &digest]).await?;
        let row = row.ok_or(Unreadable("profile"))?;
        let text = Columns(&row).text("text")?;
        let profile = text.parse().map_err(|_| Unreadable("text"))?;
        self.keep(digest, &profile);
        Ok(profile)
    }
}
