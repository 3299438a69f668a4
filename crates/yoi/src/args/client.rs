//! The flags that all client commands share: which server, which token, which output.

use std::path::PathBuf;

use clap::Args;

use super::server_url::ServerUrl;

/// Accepted before and after the command's name; after it wins.
#[derive(Debug, Default, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct ClientArgs {
    /// The server's address [env: YOI_SERVER] [default: that of the workspace that the current
    /// directory is in]
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<ServerUrl>,
    /// A file with the server's token, readable by you alone [env: YOI_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Print the API's JSON, unchanged
    #[arg(long)]
    pub(crate) json: bool,
}

impl ClientArgs {
    /// These flags, and for each that is absent the one of `outer`.
    pub(crate) fn or(self, outer: Self) -> Self {
        Self {
            server: self.server.or(outer.server),
            token_file: self.token_file.or(outer.token_file),
            json: self.json || outer.json,
        }
    }

    /// The name of a flag that is set, if one is.
    pub(crate) fn any_flag(&self) -> Option<&'static str> {
        self.server_flag().or(self.json.then_some("json"))
    }

    /// The name of a flag that says which server to use, if one is set.
    pub(crate) fn server_flag(&self) -> Option<&'static str> {
        let server = self.server.as_ref().map(|_| "server");
        server.or(self.token_file.as_ref().map(|_| "token-file"))
    }
}
